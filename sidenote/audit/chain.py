"""The chain of the audit's rows: its head, whether one head follows another, and the note of it that is kept beside the database.

The note (`store.head` beside `store.sqlite`) is what shows that the newest rows were taken away: a chain that was cut is sound in
itself. Who can change both files at once can hide that; keep the head elsewhere to exclude it (`sidenote audit verify` prints it).
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.chain import FIRST, link


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row: its number, counted from 1, and its hash."""

    seq: int
    sha256: str


_UNWRITTEN = b"\0"
"""What a file system shows of a file that was made and whose content did not reach the disk."""
NOTHING = Head(0, FIRST)
"""Of an audit without a row."""


def head_of(db: sqlite3.Connection) -> Head:
    """The newest row of the table.

    Raises:
        ValueError: it is no row of a chain.
    """
    found = db.execute("SELECT seq, line FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return NOTHING if found is None else Head(found[0], _sha256(found[1]))


def lines(db: sqlite3.Connection, after: int = 0) -> Iterator[tuple[int, str]]:
    """Number and text of every row after one, in order."""
    yield from db.execute("SELECT seq, line FROM audit WHERE seq > ? ORDER BY seq", (after,))


def follows(db: sqlite3.Connection, known: Head, head: Head) -> bool:
    """Whether the row we know stands where it stood, and every row from there to the newest, `head`, follows from it."""
    if known == head:
        return True
    if known != NOTHING and known != _at(db, known.seq):
        return False
    for seq, line in lines(db, known.seq):
        reason, digest = checked(seq, line, known)
        if reason:
            return False
        known = Head(seq, digest)
    return known == head


def checked(seq: int, line: str, before: Head) -> tuple[str, str]:
    """What is wrong with the row after `before`, of which this is said to be the text (empty: nothing), and its hash."""
    try:
        fields = json.loads(line)
        body = {key: value for key, value in fields.items() if key not in {"prev", "sha256"}}
        digest, prev = str(fields["sha256"]), fields["prev"]
        sound = link(body, str(prev))[0].decode() == f"{line}\n"
    except (ValueError, TypeError, KeyError, AttributeError):
        return "is no row of a chain", ""
    if not sound:
        return "was edited", digest
    if seq != before.seq + 1:
        return "was taken away", digest
    if body.get("seq") != seq:
        return "was put in another row's place", digest
    return ("" if prev == before.sha256 else "does not follow the row before it"), digest


def note_file(path: Path) -> Path:
    """Where the head of the audit at `path` is noted."""
    return path.with_suffix(".head")


def noted(path: Path) -> Head:
    """The head that was noted last; NOTHING where none was, as after a power cut or on a full disk before the first one was kept.

    Raises:
        ValueError: the note is damaged. OSError: it cannot be read.
    """
    file = note_file(path)
    text = file.read_bytes().strip(_UNWRITTEN) if file.exists() else b""
    return _parsed(text) if text else NOTHING


def note(path: Path, head: Head) -> None:
    """Note a head, unless another process noted a later one. Not flushed: after a power cut it may lag, and lag is no break.

    Raises:
        OSError: it cannot be written.
    """
    descriptor = os.open(note_file(path), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        text = os.pread(descriptor, 200, 0).strip(_UNWRITTEN)
        if not text or _parsed(text).seq < head.seq:
            os.pwrite(descriptor, f"{head.seq:020d} {head.sha256}\n".encode(), 0)
    finally:
        os.close(descriptor)


def _parsed(text: bytes) -> Head:
    number, _, digest = text.decode("ascii").strip().partition(" ")
    if len(digest) != len(FIRST):
        raise ValueError("no note of a head")
    return Head(int(number), digest)


def _at(db: sqlite3.Connection, seq: int) -> Head | None:
    found: Any = db.execute("SELECT line FROM audit WHERE seq = ?", (seq,)).fetchone()
    return None if found is None else Head(seq, _sha256(found[0]))


def _sha256(line: str) -> str:
    """A row's own word on its hash.

    Raises:
        ValueError: it says none.
    """
    fields = json.loads(line)
    if not isinstance(fields, dict) or not isinstance(fields.get("sha256"), str):
        raise ValueError("no row of a chain")
    return str(fields["sha256"])
