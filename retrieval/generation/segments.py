"""One segment's files: cases that were written together. Appended to while it is written, then never changed.

vectors.npy    float32 [cases, image dimension + text dimension], one row a case: [unit image, unit text]
columns.npz    what exclusions and filters look at
cards.sqlite   the cards, unless they are in PostgreSQL
near.faiss     finds near rows fast; only where there are enough of them
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard
from retrieval.errors import IndexCorrupt, IndexUnusable
from retrieval.generation.columns import FILE as COLUMNS
from retrieval.generation.columns import Coded, Columns, concatenate
from retrieval.generation.manifest import GONE, Gone, Manifest, SegmentEntry, parse_json
from retrieval.generation.mapping import Bytes, map_file, view_files
from retrieval.generation.stack import Segment, Stack
from retrieval.generation.vector_file import FILE as VECTORS
from retrieval.generation.vector_file import VectorWriter, rows_of
from retrieval.keys import word
from retrieval.store import CardStore, CardWriter, forget_cards, forget_other_cards, open_cards, write_cards
from retrieval.vectors import Dimensions, Vectors, VectorTable, choose_engine, load_near
from retrieval.vectors.engine import Engine

NEAR = "near.faiss"
_READ_BACK = 1024


@dataclass(frozen=True, slots=True)
class CardPlace:
    """Where the cards of an index are: a file in each segment, or a database that several indexes may share."""

    kind: Literal["sqlite", "postgresql"]
    url: str | None = field(default=None, repr=False)
    """Of the database; it may hold a password, and is written nowhere."""
    index: str = ""
    """Tells this index from others in the database: see `retrieval.generation.manifest.Manifest.cards_index`."""

    @staticmethod
    def of(url: str | None, index: str) -> CardPlace:
        """In the database at `url`, or in files when it is None."""
        return CardPlace("sqlite" if url is None else "postgresql", url, index)

    def open(self, segment: Path) -> CardStore:
        """The finished cards of the segment in a folder; see `retrieval.store.open_cards`."""
        return open_cards(self._place(segment), segment.name, index=self.index)

    def write(self, segment: Path) -> CardWriter:
        """A writer of the cards of the segment in a folder; see `retrieval.store.write_cards`."""
        return write_cards(self._place(segment), segment.name, index=self.index)

    def forget(self, segment: str) -> None:
        """Delete the cards of a segment whose folder is gone, where they are not gone with it."""
        if self.kind == "postgresql":
            forget_cards(self._place(Path(segment)), segment, index=self.index)

    def forget_all_but(self, segments: Collection[str]) -> None:
        """Delete the cards of all other segments of this index, likewise; see `retrieval.store.forget_other_cards`."""
        if self.kind == "postgresql":
            forget_other_cards(str(self._place(Path())), segments, index=self.index)

    def _place(self, segment: Path) -> Path | str:
        if self.kind == "sqlite":
            return segment
        if self.url is None:
            raise IndexUnusable("the cards of this index are in PostgreSQL, and no URL is given")
        return self.url


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """Where a segment is written: a folder in a generation in the making, and where its cards go."""

    folder: Path
    dimensions: Dimensions
    cards: CardPlace

    def clear(self) -> None:
        """Remove what is there."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.cards.forget(self.folder.name)


class SegmentWriter:
    """Appends cases to a segment. What `commit` made durable outlives a kill: opened again, the rest is cut off."""

    def __init__(self, place: SegmentPlace) -> None:
        """Create the segment, or go on behind what was committed to it.

        Raises:
            IndexCorrupt: when its files do not fit together, or it was finished already.
            IndexBusy, StorageFailed, CardsUnreachable: see `retrieval.store.write_cards`.
        """
        if not place.folder.exists():
            place.clear()  # what an abandoned build of this name may have left in a database
            place.folder.mkdir()
        self._cards = place.cards.write(place.folder)
        try:
            self._vectors = VectorWriter(place.folder / VECTORS, place.dimensions, self._cards.rows)
        except BaseException:
            self._cards.abandon()
            raise

    @property
    def rows(self) -> int:
        """Cases so far."""
        return self._vectors.rows

    def note(self) -> bytes | None:
        """What the last `commit` kept; None where nothing was committed."""
        return self._cards.note()

    def add(self, cards: Sequence[CaseCard], vectors: Vectors) -> None:
        """Append `cards` with their `vectors` [n, dimensions.total].

        Raises:
            StorageFailed, CardsUnreachable: the place of the cards refused them.
        """
        self._vectors.add(vectors)
        self._cards.add(cards, vectors)

    def commit(self, note: bytes) -> None:
        """Make all cases so far durable, and `note` with them: vectors first, so that cards never lack one."""
        self._vectors.flush()
        self._cards.commit(note)

    def finish(self) -> None:
        """Commit and close. `settle` then makes it a segment."""
        self._vectors.finish()
        self._cards.finish()

    def abandon(self) -> None:
        """Close the files as they are: what was not committed is lost. After `finish` it does nothing."""
        self._vectors.close()
        self._cards.abandon()


def settle(place: SegmentPlace, cases: int) -> SegmentEntry:
    """Read every card of a finished segment of `cases` back against its vector, and write the columns of what was read.

    Raises:
        IndexCorrupt: when a card is not the one that was written.
    """
    rows = rows_of(view_files(place.folder, [VECTORS])[VECTORS], cases, place.dimensions)
    cards = place.cards.open(place.folder)
    try:
        columns_of(cards, rows).save(place.folder / COLUMNS)
        return SegmentEntry(name=place.folder.name, cases=cases, cards_digest=cards.digest())
    finally:
        cards.close()


def columns_of(cards: CardStore, rows: Vectors) -> Columns:
    """The columns of all `cards` of a segment, each card checked against its row of `rows`.

    Raises:
        IndexCorrupt: when a card, row number and vector are not those that were written together.
    """
    blocks = (range(start, min(start + _READ_BACK, len(rows))) for start in range(0, len(rows), _READ_BACK))
    return concatenate([Columns.of(cards.card(row, rows[row]) for row in block) for block in blocks])


def same_columns(one: Columns, other: Columns) -> bool:
    """Whether two columns say the same of every row."""
    pairs = [(getattr(one, each.name), getattr(other, each.name)) for each in fields(Columns)]
    coded = [(a, b) for a, b in pairs if isinstance(a, Coded)]
    arrays = [(a, b) for a, b in pairs if not isinstance(a, Coded)] + [(a.codes, b.codes) for a, b in coded]
    return all(a.values == b.values for a, b in coded) and all(np.array_equal(a, b) for a, b in arrays)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a stack is made of: which segments, which rows are gone, and where the cards are."""

    segments: Sequence[SegmentEntry]
    gone: Gone
    dimensions: Dimensions
    cards: CardPlace


def open_stack(folder: Path, data: Mapping[str, Bytes], contents: Contents) -> Stack:
    """The segments of a generation as one table, over files that are mapped already.

    Args:
        folder: The generation's.
        data: Bytes of its files by path within it.
        contents: As the manifest and `gone.json` say.

    Raises:
        IndexCorrupt: when the files do not fit together.
    """
    engine = choose_engine().engine
    segments: list[Segment] = []
    columns: list[Columns] = []
    try:
        for entry in contents.segments:
            first = segments[-1].stop if segments else 0
            table = _table(data, entry, contents.dimensions, engine)
            columns.append(Columns.load(bytes(_file(data, entry, COLUMNS))))
            segments.append(Segment(entry.name, first, table, contents.cards.open(folder / entry.name)))
            if not entry.cases == segments[-1].cards.count == columns[-1].cases:
                raise IndexCorrupt("cards, columns and vectors are not equally many", where=entry.name)
            if contents.cards.kind != "sqlite" and segments[-1].cards.digest() != entry.cards_digest:  # a file has its hash
                raise IndexCorrupt("the cards are not those that were written", where=entry.name)
        together = concatenate(columns)
        return Stack(tuple(segments), together, _gone(contents.gone, together), contents.dimensions)
    except BaseException:
        for segment in segments:
            segment.cards.close()
        raise


def _table(data: Mapping[str, Bytes], entry: SegmentEntry, dimensions: Dimensions, engine: Engine) -> VectorTable:
    rows = rows_of(_file(data, entry, VECTORS), entry.cases, dimensions)
    near = None if entry.near is None else load_near(_file(data, entry, NEAR), entry.near)
    return VectorTable(rows, dimensions, near, engine)


def _file(data: Mapping[str, Bytes], entry: SegmentEntry, name: str) -> Bytes:
    found = data.get(f"{entry.name}/{name}")
    if found is None:
        raise IndexCorrupt("a segment lacks a file", where=f"{entry.name}/{name}")
    return found


def read_gone(folder: Path, manifest: Manifest) -> Gone:
    """What `gone.json` of a generation says.

    Raises:
        IndexCorrupt: when it is not the file that was written, or does not fit the manifest.
    """
    if GONE not in manifest.files:
        raise IndexCorrupt("a file is missing", where=GONE)
    gone = parse_json(Gone, bytes(map_file(folder / GONE, GONE, manifest.files[GONE])), GONE)
    if gone.counts() != (manifest.gone, manifest.quarantined):
        raise IndexCorrupt("other cases are gone than the manifest says", where=GONE)
    return gone


def _gone(gone: Gone, columns: Columns) -> NDArray[np.int64]:
    """The rows of `gone`, once each is known to be the case it names."""
    rows = np.array([case.row for case in gone.cases], dtype=np.int64)
    if len(rows) and not (np.all(rows[1:] > rows[:-1]) and rows[-1] < columns.cases):
        raise IndexCorrupt("rows that are gone are not in order, or there are no such rows", where=GONE)
    if any(int(columns.key[case.row]) != word(case.key) for case in gone.cases):
        raise IndexCorrupt("a row that is gone is another case", where=GONE)
    return rows
