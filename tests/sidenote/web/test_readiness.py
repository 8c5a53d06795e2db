"""What a review needs of this machine is tried, and an answer stands for a moment."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sidenote.audit.store import Audit
from sidenote.web.readiness import LIFETIME, Readiness


class Clock:
    """Seconds by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.fault(116)
def test_an_audit_that_is_down_and_up_again_is_told_when_the_moment_has_passed(tmp_path: Path) -> None:
    async def run() -> list[str]:
        clock, audit = Clock(), Audit(tmp_path / "store.sqlite", patience=0.05)
        readiness, found = Readiness(audit, tmp_path / "records", clock), []
        found.append((await readiness.checks())["audit"])
        with closing(sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            found.append((await readiness.checks())["audit"])
            clock.now += LIFETIME
            found.append((await readiness.checks())["audit"])
            other.execute("ROLLBACK")
        clock.now += LIFETIME
        found.append((await readiness.checks())["audit"])
        await audit.aclose()
        return found

    assert asyncio.run(run()) == ["ok", "ok", "audit_down", "ok"]


def test_a_folder_of_records_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("a file")

    async def run() -> str:
        audit = Audit(tmp_path / "store.sqlite")
        found = await Readiness(audit, tmp_path / "records").checks()
        await audit.aclose()
        return found["records"]

    assert asyncio.run(run()) == "flight_record_error"


def test_a_try_leaves_nothing_behind(tmp_path: Path) -> None:
    async def run() -> None:
        audit = Audit(tmp_path / "store.sqlite")
        assert set((await Readiness(audit, tmp_path / "records").checks()).values()) == {"ok"}
        await audit.aclose()

    asyncio.run(run())
    assert list((tmp_path / "records").iterdir()) == []
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM audit").fetchone() == (0,)
