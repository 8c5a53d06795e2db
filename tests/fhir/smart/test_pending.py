"""Launches that wait for their browser: unguessable, bound, used once, bounded in number and time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fhir.errors import LaunchInvalid
from fhir.smart.pending import LIFETIME, Pending, PendingLaunches, bound
from fhir.smart.scopes import asked

BINDING = "b" * 43


def pending(began: float = 1000.0, **more: Any) -> Pending:
    return Pending("https://ehr.example", "ehr", asked("patient/*.rs"), "https://app.example/", began, bound(BINDING), **more)


@pytest.mark.std("A5")
def test_state_nonce_and_verifier_hold_chance_enough_and_are_never_the_same() -> None:
    made = [pending() for _ in range(100)]
    for name in ("state", "nonce", "verifier"):
        values = {getattr(one, name) for one in made}
        assert len(values) == 100
        assert all(len(value) >= 43 for value in values), "43 characters of base64url hold 256 bits"


@pytest.mark.std("A5")
@pytest.mark.fault(23)
@pytest.mark.parametrize("binding", ["c" * 43, "b" * 42, "b" * 44, "", "b"])
def test_another_browsers_launch_is_refused(binding: str) -> None:
    with pytest.raises(LaunchInvalid):
        pending().require_own(binding, 1001.0)


@pytest.mark.std("A5")
@pytest.mark.parametrize("after", [-1.0, LIFETIME, 10 * LIFETIME])
def test_a_launch_out_of_time_is_refused(after: float) -> None:
    pending().require_own(BINDING, 1000.0 + LIFETIME - 1)
    with pytest.raises(LaunchInvalid, match="too long ago"):
        pending().require_own(BINDING, 1000.0 + after)


@pytest.mark.std("A5")
@pytest.mark.fault(24)
def test_what_is_taken_is_gone() -> None:
    async def run() -> None:
        store, one = PendingLaunches(), pending()
        await store.put(one)
        assert await store.take(one.state + "x") is None
        assert await store.take("") is None
        assert await store.take(one.state) is one
        assert await store.take(one.state) is None

    asyncio.run(run())


@pytest.mark.parametrize("number", [1, 5, 8, 9, 10, 11, 25])
def test_a_flood_pushes_out_the_oldest_and_nothing_else(number: int) -> None:
    async def run() -> list[bool]:
        store = PendingLaunches(most=10)
        made = [pending(1000.0 + n) for n in range(number)]
        for one in made:
            await store.put(one)
            assert len(store) <= 10
        return [await store.take(one.state) is one for one in made]

    assert asyncio.run(run()) == [n >= number - 10 for n in range(number)]


def test_what_is_out_of_time_is_forgotten() -> None:
    async def run() -> None:
        store, early, late = PendingLaunches(), pending(1000.0), pending(1300.0)
        for one in (early, late, pending(1000.0 + LIFETIME)):
            await store.put(one)
        assert len(store) == 2
        assert await store.take(early.state) is None
        assert await store.take(late.state) is late

    asyncio.run(run())


@pytest.mark.std("A19")
def test_nothing_secret_is_in_a_repr() -> None:
    one = pending(patient="canary-patient", state="canary-state", nonce="canary-nonce", verifier="canary-verifier")
    assert "canary" not in repr(one)
    assert repr(bound(BINDING)) not in repr(one)
