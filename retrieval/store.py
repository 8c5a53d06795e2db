"""Case cards in SQLite. Each row carries a hash over its card, its row number and its vector, checked on every hit.

The row hash is what keeps text and vector together: were the two files one row out of step, every neighbour would be shown
with another case's report, and nothing else would notice.
"""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.cards import CaseCard, CaseFinding
from retrieval.errors import IndexCorrupt

FILE = "cards.sqlite"
THUMBNAIL_PX = 128

_COLUMNS = (
    "key", "person", "study", "as_of", "modality", "body_part", "view", "age_band", "sex", "findings", "report",
    "report_hash", "image_hash", "consent", "licence", "outcome", "thumbnail_png",
)  # fmt: skip
_SCHEMA = f"""
CREATE TABLE cards (
  row INTEGER PRIMARY KEY,
  {", ".join(f"{name} {'BLOB' if name == 'thumbnail_png' else 'TEXT'}{'' if name == 'outcome' else ' NOT NULL'}" for name in _COLUMNS)},
  row_hash TEXT NOT NULL
) STRICT
"""
_INSERT = f"INSERT INTO cards VALUES ({', '.join('?' * (len(_COLUMNS) + 2))})"  # noqa: S608 - only places for values
_SELECT = f"SELECT {', '.join(_COLUMNS)}, row_hash FROM cards WHERE row = ?"  # noqa: S608 - only the names above


@dataclass(frozen=True, slots=True)
class Columns:
    """What exclusions and filters look at, one array of [n] each."""

    person: NDArray[np.str_]
    study: NDArray[np.str_]
    as_of: NDArray[np.int64]
    """`date.toordinal()`."""
    modality: NDArray[np.str_]
    view: NDArray[np.str_]
    report_hash: NDArray[np.str_]
    image_hash: NDArray[np.uint64]


def thumbnail(image: NDArray[np.float32]) -> bytes:
    """PNG, 8-bit grey, at most 128 x 128, of an image [rows, columns] in 0..1."""
    picture = Image.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8))
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()


class CardWriter:
    """Writes cards in row order into a new file. Nothing is durable before `finish`."""

    def __init__(self, path: Path) -> None:
        """Create `path`, which must not exist."""
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA journal_mode=OFF")  # the whole generation is thrown away on failure
        self._connection.execute("PRAGMA synchronous=OFF")  # fsync once, when the generation is sealed
        self._connection.execute(_SCHEMA)
        self.rows = 0

    def add(self, cards: Iterable[CaseCard], vectors: NDArray[np.float32]) -> None:
        """Append `cards` with their fused `vectors` [n, 2 dimension]."""
        for card, vector in zip(cards, vectors, strict=True):
            values = _values(card)
            self._connection.execute(_INSERT, (self.rows, *values, row_hash(self.rows, values, vector)))
            self.rows += 1

    def finish(self) -> None:
        """Commit and close."""
        self._connection.commit()
        self._connection.close()

    def abandon(self) -> None:
        """Close without committing."""
        self._connection.close()


class CardStore:
    """Cards of a sealed generation, read only. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open `path` as immutable: SQLite then reads no journal somebody might have laid beside it."""
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        self._lock = threading.Lock()

    def columns(self) -> Columns:
        """The columns that exclusions and filters need, in row order.

        Raises:
            IndexCorrupt: when the table is not as this version writes it.
        """
        try:
            rows = self._connection.execute(
                "SELECT row, person, study, as_of, modality, view, report_hash, image_hash FROM cards ORDER BY row"
            ).fetchall()
            if [row[0] for row in rows] != list(range(len(rows))):
                raise IndexCorrupt("rows of the cards are not numbered without gaps", where=FILE)
            parts: list[tuple[Any, ...]] = list(zip(*rows, strict=True)) or [()] * 8
            days = [date.fromisoformat(day).toordinal() for day in parts[3]]
            hashes = [int(text, 16) for text in parts[7]]
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise IndexCorrupt("the cards cannot be read", where=FILE) from error
        person, study, modality, view, report = (np.array(parts[n], dtype=np.str_) for n in (1, 2, 4, 5, 6))
        return Columns(person, study, np.array(days, np.int64), modality, view, report, np.array(hashes, np.uint64))

    def card(self, row: int, vector: NDArray[np.float32]) -> CaseCard:
        """The card of `row`, after checking that it is the one whose `vector` [2 dimension] was found.

        Raises:
            IndexCorrupt: when card, row number and vector are not those that were written together.
        """
        try:
            with self._lock:
                found = self._connection.execute(_SELECT, (row,)).fetchone()
        except sqlite3.Error as error:
            raise IndexCorrupt("a card cannot be read", where=FILE) from error
        if found is None or found[-1] != row_hash(row, found[:-1], vector):
            raise IndexCorrupt("a card does not belong to its vector", where=f"row {row}")
        return _card(found[:-1])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def row_hash(row: int, values: tuple[Any, ...], vector: NDArray[np.float32]) -> str:
    """SHA-256 over the row number, every stored value and the vector's bytes."""
    digest = hashlib.sha256(f"{row}\n".encode())
    for value in values:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest.update(f"{len(data)}:".encode() + data)
    digest.update(np.ascontiguousarray(vector, dtype="<f4").tobytes())
    return digest.hexdigest()


def _values(card: CaseCard) -> tuple[Any, ...]:
    findings = json.dumps([[finding.key, finding.side] for finding in card.findings])
    return (
        card.key, card.person, card.study, card.as_of.isoformat(), card.modality, card.body_part, card.view, card.age_band, card.sex,
        findings, card.report, card.report_hash, f"{card.image_hash:016x}", card.consent, card.licence, card.outcome, card.thumbnail_png,
    )  # fmt: skip


def _card(values: tuple[Any, ...]) -> CaseCard:
    row = dict(zip(_COLUMNS, values, strict=True))
    row["as_of"] = date.fromisoformat(row["as_of"])
    row["findings"] = tuple(CaseFinding(key, side) for key, side in json.loads(row["findings"]))
    row["image_hash"] = int(row["image_hash"], 16)
    return CaseCard(**row)
