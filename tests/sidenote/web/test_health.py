"""Alive, ready and counted: for machines, without a handle, and without a word of anybody."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sidenote.audit.store import Audit

STORES = {"lindenhof": [{"resourceType": "Patient", "id": "p-CANARY", "name": [{"family": "CANARY"}]}]}


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_door(tmp_path_factory.mktemp("home"), stores=STORES) as opened:
        yield opened


def test_a_process_that_answers_is_alive(door: Any) -> None:
    with door.client() as client:
        answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def asked(door: Any, path: str, peer: Any = ("127.0.0.1", 1), **parts: Any) -> Any:
    """What an application of the door's parts, some of them exchanged, answers to a peer."""
    import httpx

    from sidenote.web.app import create_app

    transport = httpx.ASGITransport(create_app(replace(door.parts, **parts)), client=peer)
    async with httpx.AsyncClient(transport=transport, base_url=door.url) as client:
        return await client.get(path)


@pytest.mark.fault(116)
def test_a_door_whose_audit_is_down_is_not_ready(door: Any, tmp_path: Path) -> None:
    async def run() -> list[Any]:
        audit = Audit(tmp_path / "store.sqlite", patience=0.05)
        with closing(sqlite3.connect(audit.path, isolation_level=None)) as other:
            found = [await asked(door, "/ready", audit=audit)]
            other.execute("BEGIN IMMEDIATE")
            found.append(await asked(door, "/ready", audit=audit))
        await audit.aclose()
        return found

    up, down = door.on_loop(run)
    assert (up.status_code, up.json()) == (200, {"status": "ready", "checks": {"audit": "ok", "records": "ok"}})
    assert (down.status_code, down.json()) == (503, {"status": "not_ready", "checks": {"audit": "audit_down", "records": "ok"}})


@pytest.mark.fault(110)
def test_counts_are_there_for_this_machine_and_hold_nobody(door: Any) -> None:
    door.session(patient="p-CANARY")
    with door.client() as client:
        client.get("/api/reviews/CANARY", headers={"Authorization": "Bearer CANARY"})
        client.get("/CANARY?a=CANARY")
        answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "CANARY" not in answer.text
    for line in (
        'sidenote_requests_total{method="POST",route="/api/session",status="201"} 1.0',
        'sidenote_requests_total{method="GET",route="/api/reviews/{review_id}",status="401"} 1.0',
        'sidenote_requests_total{method="GET",route="other",status="404"} 1.0',
        'sidenote_audit_rows_total{event="launch",outcome="success"} 1.0',
        "sidenote_sessions_open 1.0",
    ):
        assert line in answer.text


@pytest.mark.parametrize("header", ["Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"])
def test_counts_are_not_there_through_a_proxy(door: Any, header: str) -> None:
    with door.client() as client:
        answer = client.get("/metrics", headers={header: "10.0.0.7"})
        nothing = client.get("/nothing")
    assert (answer.status_code, answer.content) == (404, nothing.content)


@pytest.mark.parametrize("peer", [("10.0.0.7", 1), ("192.168.1.2", 1), ("testclient", 1), ("", 1), None])
def test_counts_are_not_there_for_another_machine(door: Any, peer: Any) -> None:
    assert door.on_loop(lambda: asked(door, "/metrics", peer)).status_code == 404


@pytest.mark.parametrize("peer", [("127.0.0.1", 1), ("127.9.9.9", 1), ("::1", 1)])
def test_counts_are_there_for_every_address_of_this_machine(door: Any, peer: Any) -> None:
    assert door.on_loop(lambda: asked(door, "/metrics", peer)).status_code == 200
