"""Reading the audit never writes it, and gives rows as they were kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from sidenote.audit.errors import AuditMissing
from sidenote.audit.events import Who, decided, launched
from sidenote.audit.reading import newest, reading


def test_rows_come_back_as_they_were_kept(store: Path, who: Who, keep: Callable[..., None]) -> None:
    rows = (launched(who), decided(who, "r1", "C1", "approve"))
    keep(*rows)
    assert [kept.row for kept in newest(store, 10)] == list(reversed(rows))
    assert [kept.row for kept in newest(store, 10, review="r1")] == [rows[1]]
    assert newest(store, 10, patient="somebody' OR 1=1 --") == ()


def test_nothing_can_be_written_by_who_reads(five: Path) -> None:
    with reading(five) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("INSERT INTO audit (seq, line) VALUES (6, '{}')")


def test_a_look_at_one_patient_uses_the_index(five: Path) -> None:
    with reading(five) as db:
        plan = " ".join(str(row) for row in db.execute("EXPLAIN QUERY PLAN SELECT line FROM audit WHERE patient = 'p' ORDER BY seq DESC"))
    assert "audit_patient" in plan


def test_a_folder_without_an_audit_is_told(tmp_path: Path) -> None:
    with pytest.raises(AuditMissing):
        newest(tmp_path / "store.sqlite", 1)
