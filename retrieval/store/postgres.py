"""Cards in PostgreSQL, for archives whose cards many machines read: one table for all segments of all indexes.

A server is not immutable, as a sealed file is: whoever may write there could change a card. So the manifest holds the digest of
all row hashes, and the row hash, which covers the vector in the sealed segment, is checked on every hit. The URL may hold a
password: neither it nor the server's words, which may quote it, go into an error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard
from retrieval.errors import CardsUnreachable, ExtraMissing, IndexBusy, IndexCorrupt, StorageFailed
from retrieval.store.row import BINARY, NAMES, NULLABLE, checked_card, digest_of, hashed_rows

if TYPE_CHECKING:
    import psycopg

_PATIENCE = {"connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}
"""Seconds, and milliseconds for the last: a server that vanished without a word is noticed after half a minute."""

_COLUMNS = ", ".join(f"{name} {'bytea' if name in BINARY else 'text'}{'' if name in NULLABLE else ' NOT NULL'}" for name in NAMES)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS sidenote_cards (
  index_id text NOT NULL, segment text NOT NULL, row bigint NOT NULL, row_hash text NOT NULL, {_COLUMNS},
  PRIMARY KEY (index_id, segment, row) INCLUDE (row_hash)
);
CREATE TABLE IF NOT EXISTS sidenote_card_segments (
  index_id text NOT NULL, segment text NOT NULL, finished boolean NOT NULL, note bytea,
  PRIMARY KEY (index_id, segment)
)
"""
_WHERE = "WHERE index_id = %s AND segment = %s"
_OTHERS = "WHERE index_id = %s AND NOT segment = ANY(%s)"
_SELECT = f"SELECT {', '.join(NAMES)}, row_hash FROM sidenote_cards {_WHERE} AND row = %s"  # noqa: S608 - only the names above
_LAST = f"SELECT coalesce(max(row), -1) FROM sidenote_cards {_WHERE}"  # noqa: S608
_HASHES = f"SELECT row, row_hash FROM sidenote_cards {_WHERE} ORDER BY row"  # noqa: S608
_SEGMENT = f"SELECT finished, note FROM sidenote_card_segments {_WHERE}"  # noqa: S608
_COPY = f"COPY sidenote_cards (index_id, segment, row, row_hash, {', '.join(NAMES)}) FROM STDIN"
_NOTE = """
INSERT INTO sidenote_card_segments VALUES (%s, %s, %s, %s)
ON CONFLICT (index_id, segment) DO UPDATE SET finished = excluded.finished, note = excluded.note
"""
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s || chr(10) || %s, 0))"
_SCHEMA_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('sidenote_cards', 0))"
_ANSWER_SOON = "SET statement_timeout = '30s'"
_ANSWER_SOME_TIME = "SET statement_timeout = 0"
_Answer = TypeVar("_Answer")


class PostgresWriter:
    """Appends cards to a segment. What was committed outlives a kill; what was not is as if it had never been."""

    def __init__(self, url: str, index: str, segment: str) -> None:
        """Begin a segment, or go on where an interrupted build left it.

        Raises:
            IndexBusy: another process writes it.
            IndexCorrupt: it was finished already.
            CardsUnreachable, ExtraMissing: see `connected`.
            StorageFailed: the server refuses the tables.
        """
        self._of = (index, segment)
        self._connection = connected(url)
        try:
            with _writing():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        self._connection.execute(_SCHEMA_LOCK)
        self._connection.execute(_SCHEMA)
        self._connection.commit()
        if not _one(self._connection.execute(_LOCK, self._of))[0]:
            raise IndexBusy("another process writes these cards")
        found = self._connection.execute(_SEGMENT, self._of).fetchone()
        if found is not None and found[0]:
            raise IndexCorrupt("the cards were finished already")
        self.rows: int = _one(self._connection.execute(_LAST, self._of))[0] + 1
        self._connection.commit()

    def add(self, cards: Iterable[CaseCard], vectors: NDArray[np.float32]) -> None:
        """Append `cards` with their `vectors` [n, image dimension + text dimension]; not durable before `commit`.

        Raises:
            BadCase: see `retrieval.store.row.check_card`.
            StorageFailed: the server refused the write.
        """
        rows = hashed_rows(self.rows, cards, vectors)
        with _writing(), self._connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row((*self._of, *row))
        self.rows += len(rows)

    def commit(self, note: bytes) -> None:
        """Make the cards so far and the build's journal durable, both or neither.

        Raises:
            StorageFailed: the server refused the write.
        """
        with _writing():
            self._connection.execute(_NOTE, (*self._of, False, note))
            self._connection.commit()

    def note(self) -> bytes | None:
        """The journal of the last commit, or None before the first."""
        with _writing():
            found = self._connection.execute(_SEGMENT, self._of).fetchone()
        return None if found is None or found[1] is None else bytes(found[1])

    def finish(self) -> None:
        """Commit, mark the segment as finished, and close.

        Raises:
            StorageFailed: the server refused the write.
        """
        with _writing():
            self._connection.execute(_NOTE, (*self._of, True, None))
            self._connection.commit()
        self._connection.close()

    def abandon(self) -> None:
        """Close without committing: what was committed before stays. After `finish` it does nothing."""
        self._connection.close()


class PostgresStore:
    """Cards of a finished segment, read only. Safe to use from several threads; connects again when the server came back."""

    def __init__(self, url: str, index: str, segment: str) -> None:
        """Look the segment up.

        Raises:
            IndexCorrupt: there is no such segment, or a build did not finish it.
            CardsUnreachable, ExtraMissing: see `connected`.
        """
        self._url, self._of = url, (index, segment)
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        try:
            self.count: int = self._asked(self._looked_up)
        except BaseException:
            self.close()
            raise

    def _looked_up(self, connection: psycopg.Connection[Any]) -> int:
        found = connection.execute(_SEGMENT, self._of).fetchone()
        if found is None or not found[0]:
            raise IndexCorrupt("the cards were not finished, or are none")
        return int(_one(connection.execute(_LAST, self._of))[0]) + 1

    def card(self, row: int, vector: NDArray[np.float32]) -> CaseCard:
        """The card of `row` in the segment, after checking that it is the one whose `vector` was found.

        Raises:
            IndexCorrupt: when card, row number and vector are not those that were written together.
            CardsUnreachable: the server does not answer.
        """
        return checked_card(row, self._asked(lambda connection: connection.execute(_SELECT, (*self._of, row)).fetchone()), vector)

    def digest(self) -> str:
        """SHA-256 over all row hashes in order.

        Raises:
            IndexCorrupt: when rows are not numbered from 0 without gaps.
            CardsUnreachable: the server does not answer.
        """
        return self._asked(self._digest)

    def _digest(self, connection: psycopg.Connection[Any]) -> str:
        connection.execute(_ANSWER_SOME_TIME)  # for all rows of a great archive
        try:
            rows = cast("Generator[tuple[int, str], None, None]", connection.cursor().stream(_HASHES, self._of))
            with closing(rows):  # not read to its end, it would hold the connection
                return digest_of(rows)
        finally:
            connection.execute(_ANSWER_SOON)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def _asked(self, ask: Callable[[psycopg.Connection[Any]], _Answer]) -> _Answer:
        """What `ask` gets of the server; a connection that broke meanwhile is made once more."""
        psycopg = _psycopg()
        with self._lock:
            for attempt in (1, 2):
                try:
                    return ask(self._alive())
                except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.InsufficientPrivilege):
                    if attempt == 2:
                        raise CardsUnreachable("the database that keeps the cards does not answer, or refuses") from None
                except psycopg.Error:
                    raise IndexCorrupt("the cards cannot be read") from None
        raise AssertionError

    def _alive(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = connected(self._url, read_only=True)
        return self._connection


def connected(url: str, *, read_only: bool = False) -> psycopg.Connection[Any]:
    """A connection to the server at `url`; one that only reads commits by itself and waits for no answer longer than 30 s.

    Raises:
        CardsUnreachable: the server does not answer, or refuses this program.
        ExtraMissing: psycopg is not installed.
    """
    driver = _psycopg()
    try:
        connection: psycopg.Connection[Any] = driver.connect(url, autocommit=read_only, **_PATIENCE)
        if read_only:
            connection.execute("SET default_transaction_read_only = on")
            connection.execute(_ANSWER_SOON)
    except driver.Error:
        raise CardsUnreachable("the database that keeps the cards does not answer, or refuses") from None
    return connection


def forget(url: str, index: str, segment: str) -> None:
    """Delete a segment's cards, finished or not.

    Raises:
        CardsUnreachable, ExtraMissing: see `connected`.
        StorageFailed: the server refused.
    """
    _delete(url, _WHERE, (index, segment))


def forget_others(url: str, index: str, segments: Collection[str]) -> None:
    """Delete the cards of all segments of an index but `segments`, finished or not.

    Raises:
        CardsUnreachable, ExtraMissing, StorageFailed: see `forget`.
    """
    _delete(url, _OTHERS, (index, sorted(segments)))


def _delete(url: str, where: str, values: tuple[object, ...]) -> None:
    with _writing(), connected(url) as connection:  # which commits at its end
        connection.execute(_SCHEMA_LOCK)
        connection.execute(_SCHEMA)
        connection.execute(f"DELETE FROM sidenote_cards {where}", values)  # noqa: S608 - one of the two constants
        connection.execute(f"DELETE FROM sidenote_card_segments {where}", values)  # noqa: S608


@contextmanager
def _writing() -> Iterator[None]:
    psycopg = _psycopg()
    try:
        yield
    except psycopg.Error:
        raise StorageFailed("the database refused a write of the cards") from None


def _one(cursor: psycopg.Cursor[Any]) -> Any:
    row = cursor.fetchone()
    assert row is not None  # an aggregate and a function always give one row
    return row


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise ExtraMissing("cards in PostgreSQL need psycopg: install sidenote[postgres]") from error
    return psycopg
