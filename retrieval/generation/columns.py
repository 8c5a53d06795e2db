"""What exclusions, filters and variety look at: compact columns by row, so that a search reads only the cards it shows.

Keys stand as their first 64 bits and are found by binary search, words as codes, days as numbers: about 90 bytes a case, and as
much again for finding them once the first search has asked. Two different keys agree in 64 bits once in 10^19 pairs, and would
then exclude one case too many, never one too few.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard
from retrieval.errors import IndexCorrupt
from retrieval.generation.near_hashes import NearHashes
from retrieval.keys import NO_SKETCH, word
from retrieval.searching.variety import Trait

FILE = "columns.npz"
LOAD_ERRORS = (
    ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, RuntimeError, OverflowError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy and zipfile raise on bytes that are no archive of arrays; numpy hands out a member that is no array as bytes.

MemoryError is of a header that claims more numbers than there is memory for."""

_NUMBERS = {
    "key": np.uint64, "person": np.uint64, "study": np.uint64, "report": np.uint64, "sketch": np.uint64, "image_hash": np.uint64,
    "as_of": np.int32,
}  # fmt: skip
_CODED = ("modality", "body_part", "view", "age_band", "sex", "site", "licence", "findings")


@dataclass(frozen=True, eq=False, slots=True)
class Coded:
    """A column of few different words: `values[codes[row]]` is the word of a row."""

    codes: NDArray[np.int32]
    values: tuple[str, ...]
    """Sorted, each once."""

    @staticmethod
    def of(words: Sequence[str]) -> Coded:
        """The column whose rows are `words`."""
        values = tuple(sorted(set(words)))
        code = {value: number for number, value in enumerate(values)}
        return Coded(np.fromiter((code[each] for each in words), dtype=np.int32, count=len(words)), values)

    def at(self, row: int) -> str:
        """The word of a row."""
        return self.values[int(self.codes[row])]

    def unwanted(self, wanted: frozenset[str]) -> NDArray[np.bool_]:
        """[n] whether a row's word is none of `wanted`."""
        return np.fromiter((value not in wanted for value in self.values), dtype=np.bool_, count=len(self.values))[self.codes]


@dataclass(frozen=True, eq=False, slots=True)
class Lookup:
    """Finds the rows of a key by binary search."""

    keys: NDArray[np.uint64]
    """[m] ascending."""
    owners: NDArray[np.int64]
    """[m] the row of each key."""

    @staticmethod
    def of(keys: NDArray[np.uint64], rows: NDArray[np.int64] | None = None) -> Lookup:
        """A lookup of `keys` [m], which belong to `rows` [m], or to 0..m-1."""
        order = np.argsort(keys)
        return Lookup(keys[order], order if rows is None else rows[order])

    def rows(self, words: Iterable[int]) -> NDArray[np.int64]:
        """The rows of any of `words`, ascending, each once."""
        asked = np.fromiter(words, dtype=np.uint64)
        starts, ends = np.searchsorted(self.keys, asked, "left"), np.searchsorted(self.keys, asked, "right")
        found = [self.owners[start:end] for start, end in zip(starts, ends, strict=True)]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Columns:
    """One value a row in each of [n] arrays; `eq=False`: columns are themselves, and compare by identity."""

    key: NDArray[np.uint64]
    person: NDArray[np.uint64]
    study: NDArray[np.uint64]
    report: NDArray[np.uint64]
    """Of the report's hash."""
    sketch: NDArray[np.uint64]
    """`retrieval.keys.report_sketch`."""
    image_hash: NDArray[np.uint64]
    as_of: NDArray[np.int32]
    """`date.toordinal()`."""
    linked_key: NDArray[np.uint64]
    """[m] keys of further identifiers of persons."""
    linked_row: NDArray[np.int64]
    """[m] the row each of them belongs to."""
    modality: Coded
    body_part: Coded
    view: Coded
    age_band: Coded
    sex: Coded
    site: Coded
    licence: Coded
    findings: Coded
    """The keys of a case's findings, sorted, with commas between."""

    @staticmethod
    def of(cards: Iterable[CaseCard]) -> Columns:
        """The columns of `cards`, in their order.

        Raises:
            ValueError: when a key is no salted hash.
        """
        rows = list(cards)
        linked = [(word(key), row) for row, card in enumerate(rows) for key in card.linked]
        return Columns(
            key=_words(card.key for card in rows),
            person=_words(card.person for card in rows),
            study=_words(card.study for card in rows),
            report=_words(card.report_hash for card in rows),
            sketch=np.fromiter((card.report_sketch for card in rows), dtype=np.uint64),
            image_hash=np.fromiter((card.image_hash for card in rows), dtype=np.uint64),
            as_of=np.fromiter((card.as_of.toordinal() for card in rows), dtype=np.int32),
            linked_key=np.fromiter((key for key, _ in linked), dtype=np.uint64),
            linked_row=np.fromiter((row for _, row in linked), dtype=np.int64),
            modality=Coded.of([card.modality for card in rows]),
            body_part=Coded.of([card.body_part for card in rows]),
            view=Coded.of([card.view for card in rows]),
            age_band=Coded.of([card.age_band for card in rows]),
            sex=Coded.of([card.sex for card in rows]),
            site=Coded.of([card.site for card in rows]),
            licence=Coded.of([card.licence for card in rows]),
            findings=Coded.of([finding_set(card) for card in rows]),
        )

    @staticmethod
    def load(data: bytes) -> Columns:
        """The columns that `save` wrote, from the bytes whose hash the caller has checked. Nothing is unpickled.

        Raises:
            IndexCorrupt: when the bytes are no columns of this version.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                if any(member.compress_type != zipfile.ZIP_STORED for member in archive.zip.infolist()):
                    raise ValueError("a column is compressed")  # which may be a thousand times as long as it looks
                return _checked({name: archive[name] for name in archive.files})
        except LOAD_ERRORS as error:
            raise IndexCorrupt("the columns cannot be read", where=FILE) from error

    def save(self, path: Path) -> None:
        """Write the columns into `path`. Equal columns give equal bytes."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Coded):
                arrays[field.name] = value.codes
                arrays[f"{field.name}_values"] = np.frombuffer(json.dumps(value.values).encode(), dtype=np.uint8)
            else:
                arrays[field.name] = value
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    @property
    def cases(self) -> int:
        """How many rows there are."""
        return len(self.key)

    @cached_property
    def last_day(self) -> int:
        """The latest `as_of`; 0 without a case."""
        return int(self.as_of.max(initial=0))

    @cached_property
    def by_key(self) -> Lookup:
        """Rows by the case's key."""
        return Lookup.of(self.key)

    @cached_property
    def by_person(self) -> Lookup:
        """Rows by any key of the person: linked identifiers too."""
        rows = np.concatenate((np.arange(self.cases, dtype=np.int64), self.linked_row))
        return Lookup.of(np.concatenate((self.person, self.linked_key)), rows)

    @cached_property
    def by_study(self) -> Lookup:
        """Rows by the study's key."""
        return Lookup.of(self.study)

    @cached_property
    def by_report(self) -> Lookup:
        """Rows by the report's hash."""
        return Lookup.of(self.report)

    @cached_property
    def images(self) -> NearHashes:
        """Rows by the image's hash."""
        return NearHashes.of(self.image_hash)

    @cached_property
    def sketches(self) -> NearHashes:
        """Rows by the report's sketch, where there is one."""
        return NearHashes.of(self.sketch, without=NO_SKETCH)

    def prepare(self) -> None:
        """Sort now what the first search would otherwise wait for: half a second and more of a million rows."""
        for lookup in ("last_day", "by_person", "by_study", "by_report", "images", "sketches"):
            getattr(self, lookup)

    def traits(self, rows: NDArray[np.int64]) -> tuple[Trait, ...]:
        """What variety looks at, of each of `rows`."""
        return tuple(
            Trait(
                report=int(self.report[row]), image=int(self.image_hash[row]), findings=self.findings.at(row), sketch=int(self.sketch[row])
            )
            for row in rows.tolist()
        )


def finding_set(card: CaseCard) -> str:
    """The keys of the card's findings, sorted, each once, with commas between; empty for a case without a finding."""
    return ",".join(sorted({finding.key for finding in card.findings}))


def concatenate(parts: Sequence[Columns]) -> Columns:
    """The columns of several segments as those of one, rows in the order of `parts`."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(part.cases for part in parts)])
    joined: dict[str, Any] = {
        name: np.concatenate([np.zeros(0, kind), *(getattr(part, name) for part in parts)]) for name, kind in _NUMBERS.items()
    }
    joined["linked_key"] = np.concatenate([np.zeros(0, np.uint64), *(part.linked_key for part in parts)])
    linked = [part.linked_row + start for part, start in zip(parts, starts, strict=False)]
    joined["linked_row"] = np.concatenate([np.zeros(0, np.int64), *linked])
    joined.update((name, _joined([getattr(part, name) for part in parts])) for name in _CODED)
    return Columns(**joined)


def _joined(parts: Sequence[Coded]) -> Coded:
    values = tuple(sorted({value for part in parts for value in part.values}))
    code = {value: number for number, value in enumerate(values)}
    codes = [np.array([code[value] for value in part.values], dtype=np.int32)[part.codes] for part in parts]
    return Coded(np.concatenate([np.zeros(0, np.int32), *codes]), values)


def _words(keys: Iterable[str]) -> NDArray[np.uint64]:
    return np.fromiter((word(key) for key in keys), dtype=np.uint64)


def _checked(arrays: dict[str, Any]) -> Columns:
    """`arrays` as columns, when they are as many, as long and of the kinds that `save` writes; ValueError otherwise."""
    coded: dict[str, Any] = {name: _coded(arrays.pop(name), arrays.pop(f"{name}_values")) for name in _CODED}
    columns = Columns(**arrays, **coded)  # TypeError for a name too many or too few
    kinds = {**_NUMBERS, "linked_key": np.uint64, "linked_row": np.int64}
    if any(arrays[name].dtype != kind for name, kind in kinds.items()):
        raise ValueError("a column is of another kind")
    lengths = [arrays[name].shape for name in _NUMBERS] + [column.codes.shape for column in coded.values()]
    if set(lengths) != {(columns.cases,)} or columns.linked_row.shape != columns.linked_key.shape:
        raise ValueError("columns are not equally long")
    if len(columns.linked_row) and not 0 <= columns.linked_row.min() <= columns.linked_row.max() < columns.cases:
        raise ValueError("a linked identifier has no row")
    return columns


def _coded(codes: NDArray[np.generic], written: NDArray[np.generic]) -> Coded:
    values = json.loads(written.tobytes())
    if codes.dtype != np.int32 or not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("a column of words is of another kind")
    column = Coded(codes.astype(np.int32, copy=False), tuple(values))
    if len(codes) and not 0 <= column.codes.min() <= column.codes.max() < len(values):
        raise ValueError("a code has no word")
    return column
