"""`sidenote audit`: the chain is checked, rows are shown newest first, and what is PHI is said to be."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fhir.models import validate
from sidenote.audit.events import Entity, Who, denied, exchanged, launched, shown
from sidenote.audit.store import Audit
from sidenote.commands.audit import EMERGENCY, NOTICE

ONE, OTHER = Who("pretend", "Practitioner/a", "p1", "s1"), Who("pretend", "Practitioner/b", "p2", "s2")
ROWS = (
    launched(ONE),
    exchanged(ONE, "E", "search-type", 200, (Entity("resource", "Observation", "Observation"), Entity("query", "patient=p1", "patient"))),
    launched(OTHER),
    shown(ONE, "r1", "a" * 64),
    denied(OTHER, "/api/reviews/{id}", "not_found"),
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The store of the command's home."""
    path = tmp_path / "home" / "store.sqlite"

    async def run() -> None:
        audit = Audit(path)
        await audit.append(*ROWS)
        await audit.aclose()

    asyncio.run(run())
    return path


def test_an_untouched_audit_is_whole_and_its_head_can_be_kept(command: Callable[..., Any], store: Path) -> None:
    done = command("audit", "verify")
    assert done.code == 0
    assert done.out.startswith("whole    5 rows, head 5:")
    again = command("audit", "verify", "--head", done.out.split()[-1])
    assert again.code == 0


@pytest.mark.fault(117)
def test_a_changed_row_is_named_and_ends_with_3(command: Callable[..., Any], store: Path) -> None:
    with closing(sqlite3.connect(store)) as db, db:
        db.execute("DROP TRIGGER audit_update")
        db.execute("UPDATE audit SET line = replace(line, '\"p2\"', '\"p3\"') WHERE seq = 3")
    done = command("audit", "verify")
    assert (done.code, done.out) == (3, "CHANGED  row 3 was edited\n")


@pytest.mark.parametrize("head", ["5", "x:" + "a" * 64, "5:abc"])
def test_a_head_that_is_none_is_a_usage_error(command: Callable[..., Any], store: Path, head: str) -> None:
    assert command("audit", "verify", "--head", head).code == 2


@pytest.mark.parametrize("what", ["verify", "show"])
def test_without_an_audit_the_command_is_refused(command: Callable[..., Any], what: str) -> None:
    command("audit", what).refused("audit_missing", None)


@pytest.mark.std("E8")
@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ((), [5, 4, 3, 2, 1]),
        (("--limit", 2), [5, 4]),
        (("--patient", "p2"), [5, 3]),
        (("--session", "s1"), [4, 2, 1]),
        (("--review", "r1"), [4]),
        (("--patient", "p1", "--limit", 1), [4]),
        (("--patient", "p1", "--session", "s2"), []),
    ],
)
def test_rows_come_newest_first_and_as_asked(
    command: Callable[..., Any], store: Path, options: tuple[object, ...], rows: list[int]
) -> None:
    done = command("audit", "show", *options)
    assert done.code == 0
    assert [int(line.split()[0]) for line in done.out.splitlines() if line.split()[0].isdecimal()] == rows
    assert done.err == f"{NOTICE}\n"


def test_as_json_rows_are_audit_events(command: Callable[..., Any], store: Path) -> None:
    done = command("audit", "show", "--format", "json")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert len(events) == 5
    assert [validate("AuditEvent", one) for one in events] == [()] * 5
    assert events[0]["outcomeDesc"] == "not_found"


@pytest.mark.fault(109)
def test_each_row_of_an_emergency_is_named_as_one_and_the_chain_holds_across_it(command: Callable[..., Any], store: Path) -> None:
    urgent = replace(ONE, emergency=True, session="s9")

    async def run() -> None:
        audit = Audit(store)
        await audit.append(launched(urgent), shown(urgent, "r9", "b" * 64))
        await audit.append(launched(OTHER))
        await audit.aclose()

    asyncio.run(run())
    lines = [line for line in command("audit", "show").out.splitlines() if line.split()[0].isdecimal()]
    assert [line.split()[0] for line in lines if EMERGENCY in line] == ["7", "6"]
    assert len(lines) == 8
    told = [json.loads(line) for line in command("audit", "show", "--format", "json").out.splitlines()]
    assert [number for number, one in zip(range(8, 0, -1), told, strict=True) if "purposeOfEvent" in one] == [7, 6]
    assert told[2]["outcomeDesc"] == "break_glass"
    assert command("audit", "verify").out.startswith("whole    8 rows")


def test_what_a_terminal_would_obey_is_shown_as_a_dot(command: Callable[..., Any], store: Path) -> None:
    async def run() -> None:
        audit = Audit(store)
        await audit.append(launched(Who("pretend", "\x1b[31mred", "p1", "s1")))
        await audit.aclose()

    asyncio.run(run())
    assert "\x1b[31m" not in command("audit", "show", "--limit", 1).out
