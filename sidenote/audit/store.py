"""The audit's table: append-only, each row chained to the one before, durable before `append` returns.

A writer thread takes whatever waits and commits it at once (group commit: WAL, synchronous=FULL), so many who read at the same
time share one flush of the disk. Several processes may write: the head is read again inside each transaction. The database holds
PHI, has mode 0600, and refuses every change of a row by trigger; who drops the triggers is found by `sidenote.audit.verify`.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.chain import link
from sidenote.audit.chain import Head, follows, head_of, note, noted
from sidenote.audit.errors import AuditDown
from sidenote.audit.events import Row

MOST_WAITING = 4_096
"""Rows that wait for the disk at most; past them a read is refused instead of remembered."""
_TOGETHER = 512
"""Rows of one transaction at most."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit (
  seq INTEGER PRIMARY KEY,
  line TEXT NOT NULL,
  event TEXT GENERATED ALWAYS AS (json_extract(line, '$.event')) VIRTUAL,
  ehr TEXT GENERATED ALWAYS AS (json_extract(line, '$.who.ehr')) VIRTUAL,
  patient TEXT GENERATED ALWAYS AS (json_extract(line, '$.who.patient')) VIRTUAL,
  session TEXT GENERATED ALWAYS AS (json_extract(line, '$.who.session')) VIRTUAL,
  review TEXT GENERATED ALWAYS AS (json_extract(line, '$.review')) VIRTUAL
);
CREATE INDEX IF NOT EXISTS audit_patient ON audit (patient);
CREATE INDEX IF NOT EXISTS audit_session ON audit (session);
CREATE INDEX IF NOT EXISTS audit_review ON audit (review) WHERE review <> '';
CREATE TRIGGER IF NOT EXISTS audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_insert BEFORE INSERT ON audit
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit)
  BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
"""
"""The third trigger is for INSERT OR REPLACE, which deletes without asking the second."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Rows whose caller waits; no rows at all ask whether the store could take some."""

    rows: tuple[Row, ...]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


def _nobody(row: Row) -> None:
    """Nobody counts."""


class Audit:
    """The audit of one process. `aclose` writes what waits and gives the file back."""

    def __init__(
        self, path: Path, *, most_waiting: int = MOST_WAITING, patience: float = 5.0, heard: Callable[[Row], None] = _nobody
    ) -> None:
        """Open the store, or begin one.

        Args:
            path: The database; made with mode 0600 where there is none.
            most_waiting: How many callers may wait for the disk.
            patience: Seconds that another process's transaction is waited for.
            heard: Called on the event loop with every row that was kept, such as to count it.

        Raises:
            AuditDown: the disk refuses it, or the chain does not end as it was noted (see `sidenote.audit.verify`).
        """
        self.path, self._heard = path, heard
        self._waiting: queue.Queue[_Waiting | None] = queue.Queue(most_waiting)
        self._thread: threading.Thread | None = None
        self._closed, self._ending, self._broken = False, False, ""
        try:
            self._db = _opened(path, patience)
            self._file = _identity(path)
            before = noted(path)  # first: another process may be adding rows
            self._head = head_of(self._db)
            whole = follows(self._db, before, self._head)
        except (sqlite3.Error, OSError, ValueError) as error:
            raise AuditDown(_why(error)) from error
        if not whole:
            self._db.close()
            raise AuditDown("the audit does not end as it was noted: rows were changed or taken away; see `sidenote audit verify`")

    async def append(self, *rows: Row) -> None:
        """Keep rows, in this order, all or none. They are on the disk when this returns.

        Raises:
            AuditDown: they are not kept. What they would have told of is not to be done.
        """
        await self._ask(rows)
        for row in rows:
            self._heard(row)

    async def ready(self) -> bool:
        """Whether a row would be kept now: the file can be locked for writing, and its chain ends as we know it."""
        try:
            await self._ask(())
        except AuditDown:
            return False
        return True

    async def aclose(self) -> None:
        """Write what waits and close the file. Later rows are refused."""
        self._closed = True
        if self._thread is not None:
            await asyncio.to_thread(self._waiting.put, None)
            await asyncio.to_thread(self._thread.join)
        self._db.close()

    async def _ask(self, rows: tuple[Row, ...]) -> None:
        if self._closed:
            raise AuditDown("the audit is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        try:
            self._waiting.put_nowait(_Waiting(rows, loop, done))
        except queue.Full:
            raise AuditDown("too many rows wait for the disk") from None
        self._begin()
        await done

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="audit", daemon=True)
            self._thread.start()

    def _write(self) -> None:
        """The writer thread: whatever waits, together, until the end is asked for."""
        while not self._ending:
            batch = self._taken()
            error: AuditDown | None = None
            try:
                self._commit([row for one in batch for row in one.rows])
            except AuditDown as refusal:
                error = refusal
            except Exception as defect:  # noqa: BLE001 - whoever waits must hear, or waits for ever
                error = AuditDown(_why(defect))
            for one in batch:
                with suppress(RuntimeError):  # its loop has ended; nobody waits
                    one.loop.call_soon_threadsafe(_settle, one.done, error)

    def _taken(self) -> list[_Waiting]:
        """What waits, after waiting for it. None in the queue is the end."""
        found = [self._waiting.get()]
        with suppress(queue.Empty):
            while len(found) < _TOGETHER and found[-1] is not None:
                found.append(self._waiting.get_nowait())
        self._ending = found[-1] is None
        return [one for one in found if one is not None]

    def _commit(self, rows: Sequence[Row]) -> None:
        """One transaction.

        Raises:
            AuditDown: the file was exchanged or the chain changed under us. Others: what SQLite says.
        """
        self._require_same_file()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            head = self._added(self._required_head(), rows)
            self._db.execute("COMMIT" if rows else "ROLLBACK")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite rolls back by itself after some errors
                self._db.execute("ROLLBACK")
            raise
        if head != self._head:
            self._head = head
            note(self.path, head)

    def _added(self, head: Head, rows: Sequence[Row]) -> Head:
        for row in rows:
            line, digest = link({"seq": head.seq + 1, **row.fields()}, head.sha256)
            head = Head(head.seq + 1, digest)
            self._db.execute("INSERT INTO audit (seq, line) VALUES (?, ?)", (head.seq, line[:-1].decode()))
        return head

    def _required_head(self) -> Head:
        """The head inside the transaction. What other processes added must follow what we know; once it does not, nothing is added."""
        head = head_of(self._db)
        if not self._broken and not follows(self._db, self._head, head):
            self._broken = "the audit was changed by another hand: rows are refused until somebody has looked at it"
        if self._broken:
            raise AuditDown(self._broken)
        return head

    def _require_same_file(self) -> None:
        """A file that was removed or exchanged would go on taking rows that nobody finds."""
        if _identity(self.path) != self._file:
            raise AuditDown("the audit's file was exchanged")


def _settle(done: asyncio.Future[None], error: AuditDown | None) -> None:
    if done.done():  # its caller was cancelled; the row stands all the same
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(AuditDown(*error.args))  # one of its own: a traceback grows with each that raises it


def _opened(path: Path, patience: float) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)  # SQLite gives the log beside it the same mode
    db = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(_SCHEMA)
    return db


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _why(error: BaseException) -> str:
    """The kind of trouble; what SQLite says holds no row, and what else may is not repeated."""
    if isinstance(error, sqlite3.Error):
        return f"the audit cannot be written: {error}"
    if isinstance(error, OSError):
        return f"the audit cannot be written: {error.strerror or type(error).__name__}"
    return f"the audit cannot be written: {type(error).__name__}"
