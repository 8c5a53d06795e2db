"""Chooses where the cards of a segment are kept. Both kinds of place pass the same contract tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard
from retrieval.errors import IndexUnusable
from retrieval.store.sqlite import FILE, SqliteStore, SqliteWriter

_SCHEMES = ("postgresql://", "postgres://")


class CardStore(Protocol):
    """Cards of a finished segment, read only. Safe to use from several threads."""

    @property
    def count(self) -> int:
        """How many cards there are."""
        ...

    def card(self, row: int, vector: NDArray[np.float32]) -> CaseCard:
        """The card of `row` in the segment, after checking that it is the one whose `vector` was found.

        Raises:
            IndexCorrupt: when card, row number and vector are not those that were written together.
            CardsUnreachable: the server that keeps them does not answer.
        """
        ...

    def digest(self) -> str:
        """SHA-256 over all row hashes in order: what a manifest says of cards that are in no file.

        Raises:
            IndexCorrupt: when rows are not numbered from 0 without gaps.
            CardsUnreachable: the server that keeps them does not answer.
        """
        ...

    def close(self) -> None:
        """Close the file or the connection."""
        ...


class CardWriter(Protocol):
    """Writes the cards of one segment in row order. `commit` is the only point where anything becomes durable."""

    @property
    def rows(self) -> int:
        """How many cards were added, those of an interrupted build included."""
        ...

    def add(self, cards: Iterable[CaseCard], vectors: NDArray[np.float32]) -> None:
        """Append `cards` with their `vectors` [n, image dimension + text dimension].

        Raises:
            BadCase: see `retrieval.store.row.check_card`.
            StorageFailed: the place refused the write.
        """
        ...

    def commit(self, note: bytes) -> None:
        """Make the cards so far and the build's journal durable, both or neither.

        Raises:
            StorageFailed: the place refused the write.
        """
        ...

    def note(self) -> bytes | None:
        """The journal of the last commit, or None before the first."""
        ...

    def finish(self) -> None:
        """Commit, mark the segment as finished, and close.

        Raises:
            StorageFailed: the place refused the write.
        """
        ...

    def abandon(self) -> None:
        """Close without committing: what was committed before stays, for a build that goes on. After `finish` it does nothing."""
        ...


def open_cards(place: Path | str, segment: str, *, index: str = "") -> CardStore:
    """The finished cards of a segment.

    Args:
        place: The segment's folder, or a `postgresql://` URL.
        segment: The segment's name; a folder holds one segment's cards, a database many.
        index: Tells apart the indexes that keep their cards in one database.

    Raises:
        IndexCorrupt: there are none, or a build did not finish them.
        CardsUnreachable, ExtraMissing: see `retrieval.store.postgres.connected`.
        IndexUnusable: `place` is neither.
    """
    if isinstance(place, Path):
        return SqliteStore(place)
    from retrieval.store.postgres import PostgresStore

    return PostgresStore(_url(place), index, segment)


def write_cards(place: Path | str, segment: str, *, index: str = "") -> CardWriter:
    """A writer of a segment's cards, empty or behind what an interrupted build committed. Arguments as in `open_cards`.

    Raises:
        IndexBusy: another process writes them.
        IndexCorrupt: they were finished already.
        StorageFailed: the disk refuses.
        CardsUnreachable, ExtraMissing: see `retrieval.store.postgres.connected`.
        IndexUnusable: `place` is neither a folder nor a URL.
    """
    if isinstance(place, Path):
        return SqliteWriter(place)
    from retrieval.store.postgres import PostgresWriter

    return PostgresWriter(_url(place), index, segment)


def forget_cards(place: Path | str, segment: str, *, index: str = "") -> None:
    """Delete a segment's cards, finished or not; nothing where there are none. Arguments as in `open_cards`.

    Raises:
        CardsUnreachable, ExtraMissing: see `retrieval.store.postgres.connected`.
        IndexUnusable: `place` is neither a folder nor a URL.
    """
    if isinstance(place, Path):
        (place / FILE).unlink(missing_ok=True)
        return
    from retrieval.store.postgres import forget

    forget(_url(place), index, segment)


def forget_other_cards(url: str, segments: Collection[str], *, index: str) -> None:
    """Delete the cards of all segments of an index in a database but `segments`. Arguments as in `open_cards`.

    Raises:
        CardsUnreachable, ExtraMissing: see `retrieval.store.postgres.connected`.
        StorageFailed: the server refused.
        IndexUnusable: `url` is none of PostgreSQL.
    """
    from retrieval.store.postgres import forget_others

    forget_others(_url(url), index, segments)


def _url(place: str) -> str:
    if not place.startswith(_SCHEMES):
        raise IndexUnusable("cards are kept in a folder or at a postgresql:// URL")
    return place
