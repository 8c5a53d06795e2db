"""A store of its own for each test, and hands that change it as nobody may."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sidenote.audit.events import Row, Who, shown
from sidenote.audit.store import Audit


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the audit of a test is kept; nothing is there yet."""
    return tmp_path / "home" / "store.sqlite"


@pytest.fixture
def who() -> Who:
    """A user at work."""
    return Who("pretend", "Practitioner/dr-sandbox", "heart-failure", "s-1")


@pytest.fixture
def keep(store: Path) -> Callable[..., None]:
    """Keeps rows as one process would that opens the store and closes it."""

    async def run(rows: tuple[Row, ...]) -> None:
        audit = Audit(store)
        await audit.append(*rows)
        await audit.aclose()

    return lambda *rows: asyncio.run(run(rows))


@pytest.fixture
def five(store: Path, who: Who, keep: Callable[..., None]) -> Path:
    """A store with five rows."""
    keep(*(shown(who, f"review-{number}", "0" * 64) for number in range(1, 6)))
    return store


@pytest.fixture
def by_hand() -> Callable[..., None]:
    """Runs SQL on a store as somebody does who drops the triggers first."""

    def run(path: Path, *statements: str) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            for name in ("audit_update", "audit_delete", "audit_insert"):
                db.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                db.execute(statement)

    return run
