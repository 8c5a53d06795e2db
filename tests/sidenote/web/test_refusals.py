"""Who was refused what is in the audit: by the route's template, with the session where there is one, never with what was asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
