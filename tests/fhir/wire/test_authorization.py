"""Renewals in single file: one for however many calls found the token stale."""

from __future__ import annotations

import asyncio

import pytest

from fhir.errors import AuthorizationError, Unreachable
from fhir.wire.authorization import Authorization, Bearer, SingleFlight


class Tokens(SingleFlight):
    """Gives `Bearer 1`, `Bearer 2` … each after a wait, or what it was told to raise."""

    def __init__(self, *faults: Exception) -> None:
        super().__init__()
        self.fetched = 0
        self.faults = list(faults)
        self.may_go = asyncio.Event()

    async def _fetch(self) -> str:
        self.fetched += 1
        await self.may_go.wait()
        if self.faults:
            raise self.faults.pop(0)
        return f"Bearer {self.fetched}"


def test_a_token_given_once_is_sent_and_never_renewed() -> None:
    bearer: Authorization = Bearer("t")
    assert asyncio.run(bearer.header()) == "Bearer t"
    assert not asyncio.run(bearer.renew("Bearer t"))
    assert "Bearer" not in repr(bearer).removeprefix("<fhir.wire.authorization.Bearer")


@pytest.mark.fault(33)
def test_twenty_waiters_take_one_renewal() -> None:
    async def run() -> None:
        tokens = Tokens()
        waiting = [asyncio.create_task(tokens.header()) for _ in range(20)]
        await asyncio.sleep(0)
        tokens.may_go.set()
        assert await asyncio.gather(*waiting) == ["Bearer 1"] * 20
        assert await asyncio.gather(*(tokens.renew("Bearer 1") for _ in range(20))) == [True] * 20
        assert (tokens.fetched, await tokens.header()) == (2, "Bearer 2")

    asyncio.run(run())


@pytest.mark.fault(33)
def test_who_comes_late_with_an_older_token_takes_the_new_one() -> None:
    async def run() -> None:
        tokens = Tokens()
        tokens.may_go.set()
        await tokens.header()
        assert await tokens.renew("Bearer 1")
        assert await tokens.renew("Bearer 1"), "its 401 was for the token before"
        assert tokens.fetched == 2

    asyncio.run(run())


@pytest.mark.fault(33)
def test_a_refused_renewal_stays_refused_and_its_server_is_asked_once() -> None:
    async def run() -> None:
        tokens = Tokens(AuthorizationError("refused"))
        tokens.may_go.set()
        for _ in range(5):
            answers = await asyncio.gather(*(tokens.renew(None) for _ in range(20)), return_exceptions=True)
            assert all(isinstance(answer, AuthorizationError) for answer in answers)
        with pytest.raises(AuthorizationError):
            await tokens.header()
        assert tokens.fetched == 1

    asyncio.run(run())


@pytest.mark.fault(33)
def test_a_renewal_that_did_not_reach_its_server_may_be_tried_again() -> None:
    async def run() -> None:
        tokens = Tokens(Unreachable("down"))
        tokens.may_go.set()
        answers = await asyncio.gather(*(tokens.header() for _ in range(20)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unreachable}
        assert tokens.fetched == 1
        assert await tokens.header() == "Bearer 2"

    asyncio.run(run())


@pytest.mark.fault(33)
def test_a_cancelled_waiter_does_not_take_the_renewal_with_it() -> None:
    """A rotated refresh token that nobody received is lost."""

    async def run() -> None:
        tokens = Tokens()
        first = asyncio.create_task(tokens.header())
        second = asyncio.create_task(tokens.header())
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        tokens.may_go.set()
        assert await second == "Bearer 1"
        assert tokens.fetched == 1

    asyncio.run(run())


@pytest.mark.fault(33)
def test_a_renewal_outlives_everyone_who_waited_for_it() -> None:
    async def run() -> None:
        tokens = Tokens()
        only = asyncio.create_task(tokens.header())
        await asyncio.sleep(0)
        only.cancel()
        await asyncio.gather(only, return_exceptions=True)
        tokens.may_go.set()
        assert await tokens.header() == "Bearer 1"
        assert tokens.fetched == 1

    asyncio.run(run())


def test_a_refusal_nobody_waits_for_is_not_reported_as_lost() -> None:
    async def run() -> list[str]:
        lost: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context["message"]))
        tokens = Tokens(Unreachable("down"))
        only = asyncio.create_task(tokens.header())
        await asyncio.sleep(0)
        only.cancel()
        tokens.may_go.set()
        await asyncio.gather(only, return_exceptions=True)
        await asyncio.sleep(0.01)
        return lost

    assert asyncio.run(run()) == []
