"""Walks the whole chain of the audit and names the first row that does not hold (FAULT 117)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sidenote.audit.chain import NOTHING, Head, checked, lines, noted
from sidenote.audit.reading import reading


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it."""

    rows: int
    """How many rows hold, from the first on."""
    head: Head
    """The last of them. Kept elsewhere, it shows what was done to the database and its note together."""
    broken: int | None = None
    """Number of the first row that does not hold."""
    reason: str = ""

    @property
    def whole(self) -> bool:
        """Whether every row holds, and none is missing at the end."""
        return self.broken is None


def verify(path: Path, *known: Head) -> Verified:
    """Check every row, the note beside the database, and heads that were kept elsewhere.

    Raises:
        AuditMissing: there is no audit at `path`, or it is no database.
    """
    note, damaged = NOTHING, False
    try:
        note = noted(path)  # before the rows, which may grow meanwhile
    except (ValueError, OSError):
        damaged = True
    with reading(path) as db:
        found = _walked(db, {head.seq: head.sha256 for head in (note, *known) if head != NOTHING})
    if damaged and found.whole:
        return replace(found, broken=found.rows, reason="is the newest, and the note of it is damaged")
    return found


def _walked(db: sqlite3.Connection, expected: Mapping[int, str]) -> Verified:
    """Up to the first row that does not hold, or is another than was noted under its number."""
    before = NOTHING
    for seq, line in lines(db):
        reason, digest = checked(seq, line, before)
        if not reason and expected.get(seq, digest) != digest:
            reason = "is another than was noted"
        if reason:
            return Verified(before.seq, before, before.seq + 1, reason)
        before = Head(seq, digest)
    last = max(expected, default=0)
    if last > before.seq:
        return Verified(before.seq, before, before.seq + 1, f"was taken away, and every row up to {last}")
    return Verified(before.seq, before)
