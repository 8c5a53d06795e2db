"""A witness is told of every exchange before anything of the answer is handed on, and its refusal stands in the answer's place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from fhir.errors import BreakerOpen, ElsewhereRefused, Overloaded, Unreachable
from fhir.wire.authorization import SingleFlight
from fhir.wire.exchange import Ask
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire

Result = TypeVar("Result")
LIMITS = Limits(silence=60.0, deadline=120.0, wait=0.01, longest_wait=0.02)


class Refused(Exception):
    """The witness can tell of nothing."""


class Remembering:
    """Remembers what it saw, and refuses from the n-th exchange on."""

    def __init__(self, refuses_from: int = 1_000_000) -> None:
        self.seen: list[tuple[str, int | None]] = []
        self._refuses_from = refuses_from

    async def saw(self, ask: Ask, status: int | None) -> None:
        if len(self.seen) + 1 >= self._refuses_from:
            raise Refused
        self.seen.append((ask.method, status))


def talk(base: str, witness: Remembering, work: Callable[[Wire], Awaitable[Result]], **options: Any) -> Result:
    async def run() -> Result:
        wire = Wire(origins(base), limits=LIMITS, witness=witness, **options)
        try:
            return await work(wire)
        finally:
            await wire.aclose()

    return asyncio.run(run())


async def streamed(wire: Wire, url: str) -> bytes:
    async with wire.stream(Ask("GET", url)) as stream:
        return b"".join([part async for part in stream.parts])


@pytest.mark.std("E8")
@pytest.mark.parametrize("status", [200, 204, 304, 400, 401, 403, 404, 410, 412, 501])
def test_an_answer_is_seen_whatever_its_status(fault_proxy: Any, faults: Any, status: int) -> None:
    proxy, witness = fault_proxy(faults.http(b"{}", f"{status} Any")), Remembering()
    answer = talk(proxy.base, witness, lambda wire: wire.ask(Ask("GET", f"{proxy.base}/x")))
    assert witness.seen == [("GET", answer.status)] == [("GET", status)]


@pytest.mark.std("E8")
@pytest.mark.parametrize(("status", "error"), [(503, Overloaded), (429, Overloaded), (500, Unreachable), (502, Unreachable)])
def test_each_repetition_is_seen(fault_proxy: Any, faults: Any, status: int, error: type[Exception]) -> None:
    proxy, witness = fault_proxy(faults.http(b"{}", f"{status} Any")), Remembering()
    with pytest.raises(error):
        talk(proxy.base, witness, lambda wire: wire.ask(Ask("GET", f"{proxy.base}/x")))
    assert witness.seen == [("GET", status)] * len(proxy.asked)
    assert len(proxy.asked) == LIMITS.attempts


def test_a_question_without_an_answer_is_seen_without_a_status(fault_proxy: Any, faults: Any) -> None:
    proxy, witness = fault_proxy(faults.http()), Remembering()
    proxy.plans.extend(faults.Plan(stop_at=0, stop="reset") for _ in range(3))
    with pytest.raises(Unreachable):
        talk(proxy.base, witness, lambda wire: wire.ask(Ask("GET", f"{proxy.base}/x")))
    assert witness.seen == [("GET", None)] * 3


class Renewing(SingleFlight):
    """Gives another token each time."""

    number = 0

    async def _fetch(self) -> str | None:
        self.number += 1
        return f"Bearer {self.number}"


def test_a_refused_token_and_its_successor_are_two_exchanges(fault_proxy: Any, faults: Any) -> None:
    good, stale = faults.http(b"{}"), faults.http(b"{}", "401 Unauthorized")
    proxy, witness = fault_proxy(lambda ask: stale if ask.headers["authorization"] == "Bearer 1" else good), Remembering()
    talk(proxy.base, witness, lambda wire: wire.ask(Ask("GET", f"{proxy.base}/x")), authorization=Renewing())
    assert witness.seen == [("GET", 401), ("GET", 200)]


async def refusal(wire: Wire, url: str) -> type[Exception]:
    with pytest.raises(Unreachable) as refused:
        await wire.ask(Ask("GET", url))
    return refused.type


def test_what_was_asked_of_nobody_is_not_seen(fault_proxy: Any, faults: Any) -> None:
    proxy, witness = fault_proxy(faults.http(b"{}", "500 Broken")), Remembering()

    async def work(wire: Wire) -> None:
        for url in ("http://elsewhere.example/x", f"{proxy.base}@elsewhere.example/x"):
            with pytest.raises(ElsewhereRefused):
                await wire.ask(Ask("GET", url))
        refusals = [await refusal(wire, f"{proxy.base}/x") for _ in range(20)]
        assert refusals[-1] is BreakerOpen

    talk(proxy.base, witness, work)
    assert len(witness.seen) == len(proxy.asked)


@pytest.mark.fault(116)
@pytest.mark.parametrize("body", [b'{"a":1}', b"x" * 300_000], ids=["short", "long"])
def test_an_answer_that_cannot_be_told_of_is_dropped(fault_proxy: Any, faults: Any, body: bytes) -> None:
    proxy = fault_proxy(faults.http(body))
    for work in (lambda wire: wire.ask(Ask("GET", f"{proxy.base}/x")), lambda wire: streamed(wire, f"{proxy.base}/x")):
        with pytest.raises(Refused):
            talk(proxy.base, Remembering(1), work)
    assert len(proxy.asked) == 2


@pytest.mark.fault(116)
def test_a_refusal_of_the_witness_is_not_asked_again_and_does_not_open_the_breaker(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(b"{}"))

    async def work(wire: Wire) -> None:
        for _ in range(20):
            with pytest.raises(Refused):
                await wire.ask(Ask("GET", f"{proxy.base}/x"))

    talk(proxy.base, Remembering(1), work)
    assert len(proxy.asked) == 20


@pytest.mark.fault(116)
def test_no_byte_of_a_stream_comes_before_its_row(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(b"{}"))

    class Slow(Remembering):
        told = False

        async def saw(self, ask: Ask, status: int | None) -> None:
            await asyncio.sleep(0.05)
            self.told = True

    witness = Slow()

    async def work(wire: Wire) -> None:
        async with wire.stream(Ask("GET", f"{proxy.base}/x")) as stream:
            assert witness.told
            assert [part async for part in stream.parts] == [b"{}"]

    talk(proxy.base, witness, work)
