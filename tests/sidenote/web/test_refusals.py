"""Who was refused what is in the audit: by the route's template, with the session where there is one, never with what was asked."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidenote.audit.events import Row, denied, launch_denied
from sidenote.web.refusals import EACH, SECONDS, Strangers

STORES = {"lindenhof": [{"resourceType": "Patient", "id": "p1"}]}


def denials(home: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(f"file:{home / 'store.sqlite'}?mode=ro", uri=True) as db:
        return [json.loads(line) for (line,) in db.execute("SELECT line FROM audit WHERE event = 'denied' ORDER BY seq")]


@pytest.mark.fault(50)
def test_refusals_of_the_api_are_told_and_no_others(open_door: Callable[..., Any], tmp_path: Path) -> None:
    with open_door(tmp_path, stores=STORES) as door, door.client() as client:
        client.delete("/api/session", headers={"Authorization": "Bearer canary-handle"})
        client.delete("/api/session", headers={"Sec-Fetch-Site": "cross-site"})
        client.post("/api/session", json={"ehr": "nobody", "query": "code=canary", "window": "w" * 43})
        for path in ("/canary", "/api/canary", "/static/canary", "/callback/canary"):
            assert client.get(path).status_code == 404
        assert client.put("/api/launch").status_code == 405
        told = denials(tmp_path)
    assert [(row["code"], [one["value"] for one in row["entities"]]) for row in told] == [
        ("session_over", ["/api/session"]),
        ("cross_site", ["/api/session"]),
        ("not_found", ["/api/session"]),
    ]
    assert {row["who"]["session"] for row in told} == {""}
    assert "canary" not in json.dumps(told)


def test_what_cannot_be_told_is_answered_as_an_audit_that_is_down(open_door: Callable[..., Any], tmp_path: Path) -> None:
    with open_door(tmp_path, stores=STORES) as door, door.client() as client:
        door.on_loop(door.parts.audit.aclose)
        answer = client.delete("/api/session")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "audit_down", True)


class Kept:
    """An audit in memory; the store has tests of its own."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    async def append(self, *rows: Row) -> None:
        self.rows += rows


def counted(rows: list[Row]) -> int:
    return sum(1 + row.more for row in rows)


@pytest.mark.fault(116)
def test_a_flood_of_the_same_refusal_leaves_a_few_rows_and_its_number() -> None:
    audit, now = Kept(), [0.0]
    strangers = Strangers(audit, lambda: now[0])  # type: ignore[arg-type]

    async def run() -> None:
        for _ in range(1_000):
            await strangers.refused(denied(None, "/api/session", "session_over"))
        await strangers.refused(launch_denied("", "issuer_unknown"))
        assert len(audit.rows) == EACH + 1, "another refusal is told"
        await strangers.sweep()
        assert len(audit.rows) == EACH + 1
        now[0] = SECONDS
        await strangers.sweep()
        await strangers.sweep()
        assert (len(audit.rows), counted(audit.rows)) == (EACH + 2, 1_001)
        await strangers.refused(denied(None, "/api/session", "session_over"))
        assert len(audit.rows) == EACH + 3, "and what comes later is told again"

    asyncio.run(run())


def test_no_refusal_is_lost_at_the_end_nor_told_twice() -> None:
    audit = Kept()
    strangers = Strangers(audit, lambda: 0.0)  # type: ignore[arg-type]

    async def run() -> None:
        await asyncio.gather(*(strangers.refused(launch_denied("lindenhof", "launch_invalid")) for _ in range(EACH + 5)))
        await strangers.aclose()
        await strangers.aclose()

    asyncio.run(run())
    assert [row.more for row in audit.rows] == [0] * EACH + [4]


def test_what_a_session_is_refused_is_told_each_time(open_door: Callable[..., Any], tmp_path: Path) -> None:
    with open_door(tmp_path, stores=STORES) as door, door.client() as client:
        client.headers["Authorization"] = f"Bearer {door.session(patient='p1')['handle']}"
        for _ in range(EACH + 2):
            assert client.get("/api/reviews/no-such-review").status_code == 404
        assert len(denials(tmp_path)) == EACH + 2
