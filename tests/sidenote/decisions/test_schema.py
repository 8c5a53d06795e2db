"""The tables of decisions: private, of one version, and what stands in them stands."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sidenote.decisions.decision import Decision, Draft
from sidenote.decisions.errors import DecisionsForeign, DecisionsUnusable
from sidenote.decisions.schema import opened, prepare
from sidenote.decisions.store import Decisions

_KEY = "ehr, review_id, claim"
FORBIDDEN = {
    "change a decision": "UPDATE decisions SET action = 'reject'",
    "take a decision back": "DELETE FROM decisions",
    "replace a decision": f"INSERT OR REPLACE INTO decisions SELECT {_KEY}, 'reject', '', '', '', '', '', '', '' FROM decisions",
    "replace a write": f"INSERT OR REPLACE INTO decision_writes SELECT {_KEY}, 'p2', '', '', 'pending', '', '', 0 FROM decisions",
    "forget a write": "DELETE FROM decision_writes",
    "change a draft": "UPDATE decision_writes SET resource = '{}'",
    "change a Provenance": "UPDATE decision_writes SET provenance = '{}'",
    "give a draft to another patient": "UPDATE decision_writes SET patient = 'p2'",
    "give a draft to another claim": "UPDATE decision_writes SET claim = 'C2'",
    "invent a state": "UPDATE decision_writes SET state = 'final'",
    "invent an action": "INSERT INTO decisions VALUES ('e', 'r', 'C2', 'sign', '', '', '', '', '', '', '')",
    "write without a decision": f"INSERT INTO decision_writes ({_KEY}, patient, resource, provenance) VALUES ('e', '', '', '', '', '')",
}


@pytest.fixture
def taken(decisions: Decisions, path: Path, decide: Callable[..., Decision], draft: Draft) -> Path:
    """A store with one decision whose draft is to be written."""
    asyncio.run(decisions.take(decide(), draft))
    return path


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_tables_themselves_refuse_to(taken: Path, statement: str) -> None:
    with opened(taken) as db:
        before = db.execute("SELECT * FROM decisions JOIN decision_writes").fetchall()
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(statement)
        assert db.execute("SELECT * FROM decisions JOIN decision_writes").fetchall() == before


def test_what_was_written_is_not_unwritten(taken: Path, decisions: Decisions, decide: Callable[..., Decision]) -> None:
    asyncio.run(decisions.wrote(decide().key, ("DetectedIssue/1",)))
    with opened(taken) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE decision_writes SET state = 'pending'")


def test_a_transaction_is_on_the_disk_when_it_ends(path: Path) -> None:
    prepare(path)
    with opened(path) as db:
        assert [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")] == ["wal", 2, 1]


def test_the_file_and_what_sqlite_lays_beside_it_are_private(path: Path) -> None:
    prepare(path)
    with opened(path) as db:
        db.execute("SELECT * FROM decisions")
        assert {oct(one.stat().st_mode & 0o777) for one in path.parent.iterdir()} == {"0o600"}


def test_other_tables_and_their_version_are_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE audit (row TEXT)")
        db.execute("PRAGMA user_version = 7")
    prepare(path)
    prepare(path)
    with opened(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (7,)


@pytest.mark.fault(98)
def test_a_store_of_another_version_is_refused(path: Path) -> None:
    prepare(path)
    with opened(path) as db:
        db.execute("UPDATE decisions_schema SET version = 2")
    with pytest.raises(DecisionsForeign):
        prepare(path)


@pytest.mark.fault(99)
@pytest.mark.parametrize("content", [b"no database at all, but long enough to be looked at" * 40, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_what_is_no_store_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DecisionsForeign):
        prepare(path)


@pytest.mark.fault(94)
def test_a_place_that_cannot_be_written_is_said_without_its_name(tmp_path: Path) -> None:
    (tmp_path / "CANARY").write_text("a file")
    with pytest.raises(DecisionsUnusable) as refused:
        prepare(tmp_path / "CANARY" / "store.sqlite")
    assert "CANARY" not in str(refused.value)
