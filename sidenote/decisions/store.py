"""The store of decisions: SQLite, safe for several processes. Whoever inserts first has decided.

A decision and the draft that is to come of it are one transaction, so that after a crash either both are there or neither. The
draft is deleted when it was written: what is in the EHR is not kept twice.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sidenote.decisions.decision import Decision, Draft, Key, Taken
from sidenote.decisions.errors import DecidedAlready, NotDecided
from sidenote.decisions.schema import opened, prepare, writing

T = TypeVar("T")
HELD_SECONDS = 90.0
"""How long one writer has a write for itself: longer than a write may take (`sidenote.decisions.write_back.SECONDS`)."""

_FIELDS = "ehr, review_id, claim, action, text, reason, by, at, shown_sha256, session, record"
_SELECT = (
    f"SELECT {', '.join(f'd.{name}' for name in _FIELDS.split(', '))}, w.state, w.written, w.problem"  # noqa: S608 - names of ours
    " FROM decisions AS d LEFT JOIN decision_writes AS w USING (ehr, review_id, claim)"
)
_OF = " WHERE ehr = ? AND review_id = ? AND claim = ?"


class Decisions:
    """Decisions and their writes. Each call has a connection and a thread of its own; nothing is held between calls."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Open the store at `path`, and make it where it is not there yet.

        Raises:
            DecisionsForeign: it is no SQLite database, or one of another version.
            DecisionsUnusable: it cannot be opened or written.
        """
        self._path, self._clock = path, clock
        prepare(path)

    async def take(self, decision: Decision, draft: Draft | None = None) -> Taken:
        """Decide. On the disk when it returns, with the draft that is to be written, if any.

        Raises:
            DecidedAlready: somebody was first.
            DecisionsUnusable: nothing was decided.
        """
        return await self._do(lambda db: _take(db, decision, draft))

    async def of(self, key: Key) -> Taken | None:
        """The decision on a claim; None while there is none."""
        return await self._do(lambda db: _first(db, key))

    async def of_review(self, ehr: str, review_id: str) -> tuple[Taken, ...]:
        """The decisions on a review, in the order they were taken."""
        return await self._do(lambda db: _all(db, " WHERE ehr = ? AND review_id = ? ORDER BY d.rowid", ehr, review_id))

    async def unfinished(self, ehr: str, patient: str, by: str, since: str = "") -> tuple[Taken, ...]:
        """One person's decisions on one patient (bare id) whose drafts are not in the EHR yet, oldest first.

        Args:
            ehr: Name of the EHR.
            patient: Bare id.
            by: Reference of the person.
            since: What was decided before this instant, as in `Decision.at`, is left out.
        """
        where = " WHERE ehr = ? AND w.patient = ? AND d.by = ? AND d.at >= ? AND w.state <> 'written' ORDER BY d.rowid"
        return await self._do(lambda db: _all(db, where, ehr, patient, by, since))

    async def hold(self, key: Key) -> Draft | None:
        """Take a write for oneself, for 90 seconds; None when there is none, it is done, or somebody else has it."""
        return await self._do(lambda db: _hold(db, key, self._clock))

    async def wrote(self, key: Key, references: tuple[str, ...]) -> Taken:
        """Note that the draft is in the EHR, and forget it. Done already, it stays as it is.

        Raises:
            NotDecided: there is no such write.
        """
        change = "state = 'written', written = ?, problem = '', resource = '', provenance = '', held_until = 0"
        return await self._do(lambda db: _set(db, key, change, json.dumps(references)))

    async def failed(self, key: Key, problem: str) -> Taken:
        """Note that the draft could not be written, by the code of the error. It may be tried again at once.

        Raises:
            NotDecided: there is no such write.
        """
        return await self._do(lambda db: _set(db, key, "state = 'failed', problem = ?, held_until = 0", problem))

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._done, work)

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with opened(self._path) as db:
            return work(db)


def _take(db: sqlite3.Connection, decision: Decision, draft: Draft | None) -> Taken:
    if (first := _first(db, decision.key)) is not None:  # who comes much later waits for no lock
        raise DecidedAlready(first)
    try:
        with writing(db):
            values = tuple(getattr(decision, name) for name in _FIELDS.split(", "))
            db.execute(f"INSERT INTO decisions ({_FIELDS}) VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608 - names of ours
            if draft is not None:
                row = (*decision.key, draft.patient, draft.resource, draft.provenance)
                db.execute(
                    "INSERT INTO decision_writes (ehr, review_id, claim, patient, resource, provenance) VALUES (?, ?, ?, ?, ?, ?)", row
                )
    except sqlite3.IntegrityError:
        first = _first(db, decision.key)
        if first is None:
            raise
        raise DecidedAlready(first) from None
    return Taken(decision, "off" if draft is None else "pending")


def _first(db: sqlite3.Connection, key: Key) -> Taken | None:
    return next(iter(_all(db, _OF, *key)), None)


def _all(db: sqlite3.Connection, where: str, *values: str) -> tuple[Taken, ...]:
    return tuple(_taken(row) for row in db.execute(_SELECT + where, values))


def _taken(row: tuple[Any, ...]) -> Taken:
    *fields, state, written, problem = row
    return Taken(Decision(*fields), state or "off", tuple(json.loads(written or "[]")), problem or "")


def _hold(db: sqlite3.Connection, key: Key, clock: Callable[[], float]) -> Draft | None:
    with writing(db):
        now = clock()  # inside: who waited for the lock would come with a time from before the other's
        # a lease from far ahead is one of a clock that was wrong
        free = " AND state <> 'written' AND NOT held_until BETWEEN ? AND ?"
        change = f"UPDATE decision_writes SET state = 'pending', held_until = ?{_OF}{free}"  # noqa: S608 - names of ours
        done = db.execute(change, (now + HELD_SECONDS, *key, now, now + 2 * HELD_SECONDS))
        if done.rowcount == 0:
            return None
        (row,) = db.execute(f"SELECT patient, resource, provenance FROM decision_writes{_OF}", key)  # noqa: S608 - names of ours
    return Draft(*row)


def _set(db: sqlite3.Connection, key: Key, change: str, value: str) -> Taken:
    with writing(db):
        db.execute(f"UPDATE decision_writes SET {change}{_OF} AND state <> 'written'", (value, *key))  # noqa: S608 - names of ours
        taken = _first(db, key)
    if taken is None or taken.write == "off":
        raise NotDecided("no write is known of this decision")
    return taken
