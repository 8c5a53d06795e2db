"""How a case stands in a collection, and how a collection says what it is.

One vector field holds a row as the library does, [unit image, unit text], unweighted: its inner product with a weighted query is
the fused cosine, and with an image's or a text's query, zero in the other columns, the plain one. So one field answers all.

The seal is the generation's manifest with what this layout adds, cut into rows with negative numbers. They are written last and
dated after every day there is, so that the rule against later cases, which no query is without, hides them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from retrieval.cards import CaseCard
from retrieval.errors import BadCase, IndexCorrupt, OtherSchema
from retrieval.generation.columns import Columns
from retrieval.generation.manifest import SCHEMA_VERSION, Manifest, parse_json
from retrieval.keys import word
from retrieval.store.row import checked_card, row_hash, values_of
from retrieval.vectors import Vectors

LAYOUT = 1
TEXT = 65_535
"""Bytes of the longest text Milvus keeps in one field."""
CODED = ("modality", "body_part", "view", "age_band", "sex", "site", "licence", "findings")
"""Columns of few words, kept as numbers into the seal's lists: an expression holds numbers alone, whatever a filter asks for."""
LEAKS = ("person", "study", "report")
FOUND = ("vector", "report", "image", "sketch", "findings")
"""What comes with a found row: its vector, since its distance is settled here, and what variety looks at."""
_NEVER = 2**31 - 1
"""The day of the seal's rows."""
_CHUNK = 60_000


class Seal(BaseModel):
    """What a published collection says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["sidenote case index in milvus"] = "sidenote case index in milvus"
    layout: int
    schema_version: int
    generation: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the manifest's bytes."""
    manifest: str
    cases: int = Field(ge=1)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 over the row hashes of all cases, ascending by row."""
    linked: bool
    """Whether any person has a second identifier; without one no expression looks for it."""
    exact: bool
    """Whether the vectors are compared one by one; otherwise Milvus chose an index, which may overlook a neighbour."""
    values: dict[str, tuple[str, ...]]
    """Words of each coded column."""

    def opened(self) -> Manifest:
        """The manifest, once it is sure that it is the generation's.

        Raises:
            IndexCorrupt: when it is another's.
        """
        if hashlib.sha256(self.manifest.encode()).hexdigest() != self.generation or set(self.values) != set(CODED):
            raise IndexCorrupt("the seal's manifest is not the generation's", where="seal")
        return parse_json(Manifest, self.manifest.encode(), "seal")


def schema(client: Any, dimension: int, most_linked: int) -> Any:
    """The schema of a collection for rows of `dimension` columns. `client` is `pymilvus.MilvusClient`."""
    from pymilvus import DataType

    made = client.create_schema(auto_id=False, enable_dynamic_field=False)
    made.add_field("row", DataType.INT64, is_primary=True)
    made.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    for name in (*LEAKS, "image", "sketch"):
        made.add_field(name, DataType.INT64)
    made.add_field("linked", DataType.ARRAY, element_type=DataType.INT64, max_capacity=max(1, most_linked))
    for name in ("as_of", *CODED):
        made.add_field(name, DataType.INT32)
    for name, length in (("key", 32), ("row_hash", 64), ("card", TEXT), ("thumbnail", TEXT)):
        made.add_field(name, DataType.VARCHAR, max_length=length)
    return made


def record(row: int, card: CaseCard, vector: Vectors, codes: Mapping[str, int]) -> dict[str, Any]:
    """What is written for a case: `codes` are its numbers in the coded columns.

    Raises:
        BadCase: a text longer than Milvus keeps.
    """
    values = values_of(card)
    text, picture = json.dumps(values[:-1], ensure_ascii=False), base64.b64encode(card.thumbnail_png).decode()
    if len(text.encode()) > TEXT or len(picture) > TEXT:
        raise BadCase("card is longer than Milvus keeps", where=f"row {row}")
    return {
        "row": row,
        "vector": vector,
        "person": number(card.person),
        "study": number(card.study),
        "report": number(card.report_hash),
        "image": signed(card.image_hash),
        "sketch": signed(card.report_sketch),
        "linked": [number(key) for key in card.linked],
        "as_of": card.as_of.toordinal(),
        **{name: int(codes[name]) for name in CODED},
        "key": card.key,
        "row_hash": row_hash(row, values, vector),
        "card": text,
        "thumbnail": picture,
    }


def card_of(row: int, found: Mapping[str, Any]) -> CaseCard:
    """The card of a record that was read, once it is sure that it was written for this row and this vector.

    Raises:
        IndexCorrupt: when it was not.
    """
    try:
        values = [*json.loads(found["card"]), base64.b64decode(found["thumbnail"], validate=True), found["row_hash"]]
        vector = np.asarray(found["vector"], dtype=np.float32)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise IndexCorrupt("a card is not as this version writes it", where=f"row {row}") from error
    return checked_card(row, values, vector)


def number(key: str) -> int:
    """The first 63 bits of a key: a number that every expression can hold.

    >>> number("8000000000000003" + "f" * 16) == (2**63 + 3) // 2
    True

    Raises:
        ValueError: for what no keyring makes.
    """
    return word(key) >> 1


def signed(bits: int) -> int:
    """64 bits as the signed integer with the same bits; `unsigned` is the way back."""
    return bits - 2**64 if bits >= 2**63 else bits


def unsigned(value: int) -> int:
    """64 bits of a signed integer."""
    return value % 2**64


def words(columns: Columns) -> dict[str, tuple[str, ...]]:
    """The words of each coded column."""
    return {name: getattr(columns, name).values for name in CODED}


def digest(hashes: Iterable[tuple[int, str]]) -> str:
    """SHA-256 over (row, row hash), ascending by row."""
    made = hashlib.sha256()
    for row, one in hashes:
        made.update(f"{row} {one}\n".encode())
    return made.hexdigest()


def seal_rows(seal: Seal, dimension: int) -> tuple[list[dict[str, Any]], str]:
    """The rows that seal a collection, and their SHA-256."""
    text = json.dumps(seal.model_dump(), sort_keys=True)  # ASCII alone, so that a character is a byte
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    empty = {name: -1 for name in (*LEAKS, "image", "sketch", *CODED)}
    rows = [
        {"row": -1 - place, "vector": np.zeros(dimension, np.float32), **empty, "linked": [], "as_of": _NEVER, "key": "", "thumbnail": "",
         "row_hash": sha256, "card": text[start : start + _CHUNK]}
        for place, start in enumerate(range(0, len(text), _CHUNK))
    ]  # fmt: skip
    return rows, sha256


def read_seal(found: Iterable[Mapping[str, Any]]) -> tuple[Seal, str]:
    """The seal in the rows with negative numbers, and its SHA-256.

    Raises:
        IndexCorrupt: when there is none, or not the one that was written: a publication that did not finish, or a change.
        OtherSchema: a collection of another version of this program.
    """
    rows = sorted(found, key=lambda one: -int(one["row"]))
    text = "".join(str(one["card"]) for one in rows)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if not rows or {one["row_hash"] for one in rows} != {sha256}:
        raise IndexCorrupt("the collection is not sealed, or its seal was changed", where="seal")
    try:
        data = json.loads(text)
        versions = (data["layout"], data["schema_version"])
    except (ValueError, TypeError, KeyError) as error:
        raise IndexCorrupt("the seal is not as any version writes it", where="seal") from error
    if versions != (LAYOUT, SCHEMA_VERSION):
        raise OtherSchema("the index in Milvus was published by another version of this program: publish it again")
    return parse_json(Seal, text.encode(), "seal"), sha256
