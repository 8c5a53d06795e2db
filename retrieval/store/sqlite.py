"""Cards in a SQLite file of the segment's folder.

While a segment is written, the file has a table `building` with the build's journal; `finish` drops it. So a file that was cut
short by a kill is told from a finished one, and is never served.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard
from retrieval.errors import IndexBusy, IndexCorrupt, StorageFailed
from retrieval.store.row import BINARY, NAMES, NULLABLE, checked_card, digest_of, hashed_rows

FILE = "cards.sqlite"

_COLUMNS = ", ".join(f"{name} {'BLOB' if name in BINARY else 'TEXT'}{'' if name in NULLABLE else ' NOT NULL'}" for name in NAMES)
_CARDS = f"CREATE TABLE cards (row INTEGER PRIMARY KEY, row_hash TEXT NOT NULL, {_COLUMNS}) STRICT"
_BUILDING = "CREATE TABLE building (one INTEGER PRIMARY KEY CHECK (one = 1), note BLOB NOT NULL) STRICT"
_INSERT = f"INSERT INTO cards VALUES ({', '.join('?' * (len(NAMES) + 2))})"  # noqa: S608 - only places for values
_SELECT = f"SELECT {', '.join(NAMES)}, row_hash FROM cards WHERE row = ?"  # noqa: S608 - only the names above
_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
_LAST = "SELECT coalesce(max(row), -1) FROM cards"


class SqliteWriter:
    """Appends cards to a segment's file. What was committed outlives a kill; what was not is as if it had never been."""

    def __init__(self, folder: Path) -> None:
        """Create the file in `folder`, or go on where an interrupted build left it.

        Raises:
            IndexBusy: another process writes it.
            IndexCorrupt: it is no unfinished file of cards.
            StorageFailed: the disk refuses.
        """
        with _writing():
            self._connection = sqlite3.connect(folder / FILE, isolation_level=None, timeout=0, check_same_thread=False)
        try:
            with _writing():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=DELETE", "synchronous=EXTRA", "secure_delete=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN IMMEDIATE")
        tables = [name for (name,) in self._connection.execute(_TABLES)]
        if not tables:
            self._connection.execute(_CARDS)
            self._connection.execute(_BUILDING)
            self._connection.execute("COMMIT")
        elif tables != ["building", "cards"]:
            raise IndexCorrupt("the cards were finished already, or are none", where=FILE)
        else:
            self._connection.execute("ROLLBACK")
        self.rows: int = self._connection.execute(_LAST).fetchone()[0] + 1

    def add(self, cards: Iterable[CaseCard], vectors: NDArray[np.float32]) -> None:
        """Append `cards` with their `vectors` [n, image dimension + text dimension]; not durable before `commit`.

        Raises:
            BadCase: see `retrieval.store.row.check_card`.
            StorageFailed: the disk refused a write.
        """
        rows = hashed_rows(self.rows, cards, vectors)
        with _writing():
            self._begin()
            self._connection.executemany(_INSERT, rows)
        self.rows += len(rows)

    def commit(self, note: bytes) -> None:
        """Make the cards so far and the build's journal durable, both or neither.

        Raises:
            StorageFailed: the disk refused a write.
        """
        with _writing():
            self._begin()
            self._connection.execute("INSERT OR REPLACE INTO building VALUES (1, ?)", (note,))
            self._connection.execute("COMMIT")

    def note(self) -> bytes | None:
        """The journal of the last commit, or None before the first."""
        found = self._connection.execute("SELECT note FROM building").fetchone()
        return None if found is None else bytes(found[0])

    def finish(self) -> None:
        """Commit, mark the file as finished, and close it.

        Raises:
            StorageFailed: the disk refused a write.
        """
        with _writing():
            self._begin()
            self._connection.execute("DROP TABLE building")
            self._connection.execute("COMMIT")
            self._connection.close()

    def abandon(self) -> None:
        """Close without committing: what was committed before stays. After `finish` it does nothing."""
        self._connection.close()

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")


class SqliteStore:
    """Cards of a finished segment, read only. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Open the file in `folder` as immutable: SQLite then reads no journal somebody might have laid beside it.

        Raises:
            IndexCorrupt: there is no finished file of cards.
        """
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                f"{(folder / FILE).absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise IndexCorrupt("the cards cannot be read", where=FILE) from error
        try:
            with _reading():
                if [name for (name,) in self._connection.execute(_TABLES)] != ["cards"]:
                    raise IndexCorrupt("the cards were not finished, or are none", where=FILE)
                self.count: int = self._connection.execute(_LAST).fetchone()[0] + 1
        except BaseException:
            self._connection.close()
            raise

    def card(self, row: int, vector: NDArray[np.float32]) -> CaseCard:
        """The card of `row` in the segment, after checking that it is the one whose `vector` was found.

        Raises:
            IndexCorrupt: when card, row number and vector are not those that were written together.
        """
        with _reading(), self._lock:
            found = self._connection.execute(_SELECT, (row,)).fetchone()
        return checked_card(row, found, vector)

    def digest(self) -> str:
        """SHA-256 over all row hashes in order.

        Raises:
            IndexCorrupt: when rows are not numbered from 0 without gaps.
        """
        with _reading(), self._lock:
            return digest_of(self._connection.execute("SELECT row, row_hash FROM cards ORDER BY row"))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise IndexBusy("another process writes these cards") from error
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            raise IndexCorrupt("the cards of an interrupted build cannot be read", where=FILE) from error
        raise StorageFailed("the disk refused a write of the cards") from error


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise IndexCorrupt("the cards cannot be read", where=FILE) from error
