"""The tables of decisions. A row of a decision is never changed or deleted, and neither is what was written once.

They stand in the site's store beside other tables, so that their version is a table of its own and not `PRAGMA user_version`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sidenote.decisions.errors import DecisionsForeign, DecisionsUnusable

VERSION = 1
_PATIENCE = 30.0
"""Seconds that a writer waits for another one's transaction."""

# INSERT OR REPLACE deletes what stands without asking a DELETE trigger: hence those on INSERT
_TABLES = (
    """
CREATE TABLE decisions (
  ehr TEXT NOT NULL, review_id TEXT NOT NULL, claim TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('approve', 'edit', 'reject')),
  text TEXT NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL,
  shown_sha256 TEXT NOT NULL, session TEXT NOT NULL, record TEXT NOT NULL,
  UNIQUE (ehr, review_id, claim)
) STRICT""",
    """
CREATE TABLE decision_writes (
  ehr TEXT NOT NULL, review_id TEXT NOT NULL, claim TEXT NOT NULL,
  patient TEXT NOT NULL, resource TEXT NOT NULL, provenance TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'written', 'failed')),
  written TEXT NOT NULL DEFAULT '[]', problem TEXT NOT NULL DEFAULT '', held_until REAL NOT NULL DEFAULT 0,
  UNIQUE (ehr, review_id, claim),
  FOREIGN KEY (ehr, review_id, claim) REFERENCES decisions (ehr, review_id, claim)
) STRICT""",
    "CREATE INDEX decision_writes_of ON decision_writes (ehr, patient) WHERE state <> 'written'",
    "CREATE TRIGGER decisions_stand BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'a decision stands'); END",
    """
CREATE TRIGGER decisions_first BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM decisions WHERE ehr = NEW.ehr AND review_id = NEW.review_id AND claim = NEW.claim)
BEGIN SELECT RAISE(ABORT, 'a decision stands already'); END""",
    """
CREATE TRIGGER decision_writes_first BEFORE INSERT ON decision_writes
WHEN EXISTS (SELECT 1 FROM decision_writes WHERE ehr = NEW.ehr AND review_id = NEW.review_id AND claim = NEW.claim)
BEGIN SELECT RAISE(ABORT, 'a write stands already'); END""",
    "CREATE TRIGGER decisions_stay BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'a decision stays'); END",
    "CREATE TRIGGER decision_writes_stay BEFORE DELETE ON decision_writes BEGIN SELECT RAISE(ABORT, 'a write stays'); END",
    """
CREATE TRIGGER decision_writes_stand BEFORE UPDATE ON decision_writes WHEN OLD.state = 'written'
BEGIN SELECT RAISE(ABORT, 'what was written stands'); END""",
    """
CREATE TRIGGER decision_writes_bound BEFORE UPDATE OF ehr, review_id, claim, patient ON decision_writes
BEGIN SELECT RAISE(ABORT, 'a write is of one decision and one patient'); END""",
    """
CREATE TRIGGER decision_drafts_bound BEFORE UPDATE OF resource, provenance ON decision_writes
WHEN NEW.state <> 'written' OR NEW.resource <> '' OR NEW.provenance <> ''
BEGIN SELECT RAISE(ABORT, 'a draft is never another one'); END""",
    "CREATE TABLE decisions_schema (version INTEGER NOT NULL) STRICT",
)


def prepare(path: Path) -> None:
    """Make the file (mode 0600) and the tables where they are not there yet.

    Raises:
        DecisionsForeign: the file is no SQLite database, or its tables are another version's.
        DecisionsUnusable: it cannot be opened or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DecisionsUnusable(f"the store of decisions cannot be opened: {error.strerror or type(error).__name__}") from error
    with opened(path) as db, writing(db):
        known = db.execute("SELECT name FROM sqlite_master WHERE name = 'decisions_schema'").fetchone()
        if known is None:
            for statement in _TABLES:
                db.execute(statement)
            db.execute("INSERT INTO decisions_schema VALUES (?)", (VERSION,))
        if db.execute("SELECT version FROM decisions_schema").fetchall() != [(VERSION,)]:
            raise DecisionsForeign("the store of decisions is of another version of Sidenote")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose transactions are on the disk when they end.

    Raises:
        DecisionsForeign, DecisionsUnusable: as `prepare`.
    """
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as db:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"):
                db.execute(f"PRAGMA {pragma}")
            yield db
    except sqlite3.OperationalError as error:
        raise DecisionsUnusable(f"the store of decisions cannot be used now: {error.sqlite_errorname}") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError):
            raise
        raise DecisionsForeign("the store of decisions is damaged, or no database") from error


@contextmanager
def writing(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction that holds the write lock from its first word on, so that what it reads is what it changes."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
