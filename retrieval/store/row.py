"""A card as the row of a table, with a hash over its row number, every value, and the vector it was written with.

The row hash is what keeps text and vector together: were the two one row out of step, every neighbour would be shown with
another case's report, and nothing else would notice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard, CaseFinding
from retrieval.errors import BadCase, IndexCorrupt

Value = str | bytes | None

NAMES = (
    "key", "person", "linked", "study", "as_of", "modality", "body_part", "view", "age_band", "sex", "site", "findings", "report",
    "report_hash", "report_sketch", "image_hash", "consent", "licence", "outcome", "thumbnail_png",
)  # fmt: skip
"""Columns of a card, in the order they are hashed; the picture last, so that a database reads the rest without it."""
BINARY = frozenset({"thumbnail_png"})
NULLABLE = frozenset({"outcome"})


def values_of(card: CaseCard) -> tuple[Value, ...]:
    """The card's values in the order of `NAMES`; hashes of 64 bits as 16 hex digits, lists as JSON.

    Raises:
        BadCase: a text holds NUL or half a surrogate pair, which databases refuse or cut.
    """
    findings = json.dumps([[finding.key, finding.side, finding.location] for finding in card.findings])
    values = (
        card.key, card.person, json.dumps(card.linked), card.study, card.as_of.isoformat(), card.modality, card.body_part, card.view,
        card.age_band, card.sex, card.site, findings, card.report, card.report_hash, f"{card.report_sketch:016x}",
        f"{card.image_hash:016x}", card.consent, card.licence, card.outcome, card.thumbnail_png,
    )  # fmt: skip
    if not all(_storable(value) for value in values if isinstance(value, str)):
        raise BadCase("text holds characters that no database keeps")
    return values


def check_card(card: CaseCard) -> None:
    """Refuse a card that could not be written, before it is embedded.

    Raises:
        BadCase: a text holds NUL or half a surrogate pair.
    """
    values_of(card)


def hashed_rows(first: int, cards: Iterable[CaseCard], vectors: NDArray[np.float32]) -> list[tuple[Any, ...]]:
    """(row number, row hash, the values in the order of `NAMES`) of each card, rows numbered from `first`.

    Raises:
        BadCase: see `check_card`.
        ValueError: when cards and vectors are not equally many.
    """
    pairs = zip(map(values_of, cards), vectors, strict=True)
    return [(row, row_hash(row, values, vector), *values) for row, (values, vector) in enumerate(pairs, start=first)]


def row_hash(row: int, values: Sequence[Value], vector: NDArray[np.float32]) -> str:
    """SHA-256 over the row number, every stored value and the vector's bytes."""
    digest = hashlib.sha256(f"{row}\n".encode())
    for value in values:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest.update(f"{len(data)}:".encode() + data)
    digest.update(np.ascontiguousarray(vector, dtype="<f4").tobytes())
    return digest.hexdigest()


def checked_card(row: int, found: Sequence[Any] | None, vector: NDArray[np.float32]) -> CaseCard:
    """The card of `row`, once it is sure that it was written for this row and this `vector`.

    Args:
        row: Its number within the segment.
        found: What the database holds: the values in the order of `NAMES`, then the row hash; None where it holds nothing.
        vector: [image dimension + text dimension] of the same row.

    Raises:
        IndexCorrupt: when card, row number and vector are not those that were written together.
    """
    if found is None or found[-1] != row_hash(row, found[:-1], vector):
        raise IndexCorrupt("a card does not belong to its vector", where=f"row {row}")
    try:
        return _card(found[:-1])
    except (ValueError, TypeError, AttributeError) as error:
        raise IndexCorrupt("a card is not as this version writes it", where=f"row {row}") from error


def digest_of(hashes: Iterable[tuple[int, str]]) -> str:
    """SHA-256 over the row hashes in order, for the manifest.

    Raises:
        IndexCorrupt: when rows are not numbered from 0 without gaps.
    """
    digest = hashlib.sha256()
    for expected, (row, row_digest) in enumerate(hashes):
        if row != expected:
            raise IndexCorrupt("rows of the cards are not numbered without gaps", where=f"row {expected}")
        digest.update(f"{row_digest}\n".encode())
    return digest.hexdigest()


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _card(values: Sequence[Any]) -> CaseCard:
    row = dict(zip(NAMES, values, strict=True))
    row["as_of"] = date.fromisoformat(row["as_of"])
    row["linked"] = tuple(json.loads(row["linked"]))
    row["findings"] = tuple(CaseFinding(key, side, location) for key, side, location in json.loads(row["findings"]))
    row["report_sketch"] = int(row["report_sketch"], 16)
    row["image_hash"] = int(row["image_hash"], 16)
    return CaseCard(**row)
