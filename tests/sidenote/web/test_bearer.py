"""Whose request it is, and that nothing but a handle in its header says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sidenote.web.bearer import run_of
from sidenote.web.errors import NotFound

STORES = {name: [{"resourceType": "Patient", "id": "p1"}] for name in ("lindenhof", "seeblick")}


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_door(tmp_path_factory.mktemp("home"), *STORES, stores=STORES) as opened:
        yield opened


@pytest.mark.fault(46)
@pytest.mark.std("A19")
def test_a_handle_counts_in_its_header_alone(door: Any) -> None:
    handle = door.session(patient="p1")["handle"]
    tries: list[dict[str, Any]] = [
        {},
        {"headers": {"Authorization": handle}},
        {"headers": {"Authorization": f"Basic {handle}"}},
        {"headers": {"Authorization": "Bearer"}},
        {"headers": {"Authorization": f"Bearer {handle} {handle}"}},
        {"headers": {"Authorization": f"Bearer {handle[:-1]}"}},
        {"headers": {"Cookie": f"handle={handle}"}},
        {"params": {"access_token": handle, "handle": handle}},
    ]
    with door.client() as client:
        answers = [client.delete("/api/session", **one) for one in tries]
        assert {(one.status_code, one.json()["code"]) for one in answers} == {(401, "session_over")}
        assert len({one.content for one in answers}) == 1
        assert client.delete("/api/session", headers={"Authorization": f"bearer {handle}"}).status_code == 204


def test_a_review_of_another_session_is_not_there_and_neither_is_one_that_never_was(door: Any) -> None:
    one, other = (door.session(ehr=ehr, window=ehr.ljust(43, "x"), patient="p1") for ehr in STORES)

    async def found(handle: str, review_id: str) -> Any:
        return await run_of(await door.parts.sessions.of(handle), review_id)

    assert door.on_loop(lambda: found(one["handle"], one["review_id"])).review_id == one["review_id"]
    said = []
    for review_id in (other["review_id"], "00000000-0000-4000-8000-000000000000", "", "../x"):
        with pytest.raises(NotFound) as refused:
            door.on_loop(lambda review_id=review_id: found(one["handle"], review_id))
        said.append(str(refused.value))
    assert len(set(said)) == 1


def test_two_who_ask_at_once_both_have_the_session(door: Any) -> None:
    handle = door.session(patient="p1")["handle"]

    async def both() -> list[Any]:
        return list(await asyncio.gather(door.parts.sessions.of(handle), door.parts.sessions.of(handle)))

    one, other = door.on_loop(both)
    assert one is other
