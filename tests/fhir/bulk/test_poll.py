"""Waiting for an export, against a real server on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from fhir.bulk.kickoff import kick_off
from fhir.bulk.manifest import ExportManifest
from fhir.bulk.poll import Patience, begin, finished
from fhir.bulk.request import ExportRequest
from fhir.errors import AccessRefused, BadJson, DeadlinePassed, ExportFailed, NotFhir, RecordError, RequestRefused, Unreachable

JOB = "/jobs/1"
QUICK = Patience(first=0.001, longest=0.004, total=60.0, faults=2)


@pytest.fixture
def poll(server: Any, wired: Callable[..., Any]) -> Callable[..., ExportManifest]:
    server.jobs.add(JOB)

    def run(patience: Patience = QUICK, seen: list[str] | None = None) -> ExportManifest:
        async def go() -> ExportManifest:
            wire = wired()
            try:
                return await finished(wire, f"{server.origin}{JOB}", patience, (seen if seen is not None else []).append)
            finally:
                await wire.aclose()

        return asyncio.run(go())

    return run


@pytest.mark.std("C2")
def test_the_servers_word_on_its_progress_is_handed_on_printable_and_short(server: Any, poll: Any, reply: Any) -> None:
    server.scripted("GET", JOB, reply(202, b"", {"X-Progress": "\x1b[2J37 % " + "x" * 200}), reply(202))
    seen: list[str] = []
    poll(seen=seen)
    assert seen == [("[2J37 % " + "x" * 200)[:100], ""]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that are asked for, which are then not waited."""
    asked: list[float] = []
    real = asyncio.sleep

    async def noted(seconds: float) -> None:
        asked.append(seconds)
        await real(0)

    monkeypatch.setattr("fhir.bulk.poll.asyncio.sleep", noted)
    return asked


@pytest.mark.std("C2")
def test_the_intervals_grow_up_to_the_longest(server: Any, poll: Any, reply: Any, pauses: list[float]) -> None:
    server.scripted("GET", JOB, *(reply(202) for _ in range(5)))
    poll(Patience(first=1.0, longest=4.0, total=60.0))
    assert [pause for pause in pauses if pause >= 1] == [1.0, 2.0, 4.0, 4.0, 4.0]


@pytest.mark.std("C2")
@pytest.mark.fault(4)
@pytest.mark.parametrize(("status", "form"), [(202, "seconds"), (202, "date"), (429, "seconds"), (503, "date")])
def test_retry_after_is_honoured_in_seconds_and_as_a_date(
    server: Any, poll: Any, reply: Any, pauses: list[float], status: int, form: str
) -> None:
    began = time.time()
    value = "20" if form == "seconds" else formatdate(began + 20, usegmt=True)
    server.scripted("GET", JOB, reply(status, b"", {"Retry-After": value}))
    poll(Patience(first=0.01, total=60.0))
    (pause,) = [pause for pause in pauses if pause >= 1]
    assert 19 - (time.time() - began if form == "date" else 0) <= pause <= 22
    assert len(server.methods(JOB)) == 2


@pytest.mark.std("C2")
@pytest.mark.fault(4)
def test_an_absurd_retry_after_ends_the_wait_instead_of_lasting(server: Any, poll: Any, reply: Any) -> None:
    server.scripted("GET", JOB, reply(429, b"", {"Retry-After": "1000000000"}))
    started = time.monotonic()
    with pytest.raises(DeadlinePassed):
        poll()
    assert time.monotonic() - started < 30, "it asked for thirty years"


@pytest.mark.std("C2")
def test_the_whole_wait_is_bounded(server: Any, poll: Any) -> None:
    server.polls = 10**9
    with pytest.raises(DeadlinePassed) as caught:
        poll(Patience(first=0.001, longest=0.01, total=0.1))
    assert caught.value.retryable


@pytest.mark.fault(5)
def test_a_few_faults_in_a_row_are_forgiven_and_one_more_is_not(server: Any, poll: Any, reply: Any) -> None:
    server.scripted("GET", JOB, reply(500), reply(502), reply(202), reply(504), reply(500))
    assert poll().output == ()
    server.scripted("GET", JOB, reply(500), reply(502), reply(500))
    with pytest.raises(Unreachable):
        poll()


@pytest.mark.std("C2")
@pytest.mark.parametrize(
    ("status", "body", "kind", "error"),
    [
        (404, b"", "", ExportFailed),
        (410, b"", "", ExportFailed),
        (403, b"", "", AccessRefused),
        (400, b'{"resourceType":"OperationOutcome","issue":[{"code":"too-costly"}]}', "application/fhir+json", RequestRefused),
        (204, b"", "", NotFhir),
        (303, b"", "", NotFhir),
        (200, b"<html>login", "text/html", NotFhir),
        (200, b'{"transactionTime":', "application/json", BadJson),
        (200, b"{}", "application/json", ExportFailed),
    ],
)
def test_an_end_that_is_no_manifest_is_an_error(
    server: Any, poll: Any, reply: Any, status: int, body: bytes, kind: str, error: type[RecordError]
) -> None:
    server.scripted("GET", JOB, reply(status, body, {"Content-Type": kind}))
    with pytest.raises(error) as caught:
        poll()
    assert getattr(caught.value, "issues", ("too-costly",)) == ("too-costly",)


@pytest.mark.std("C2")
def test_a_server_too_busy_to_begin_is_asked_again_and_a_broken_one_is_not(server: Any, wired: Any, reply: Any) -> None:
    path = "/fhir/Patient/$export"
    server.scripted("GET", path, reply(429, b"", {"Retry-After": "0"}), reply(503), reply(202), reply(500))

    async def go() -> None:
        wire = wired()
        assert (await begin(wire, kick_off(server.base, ExportRequest("patients")), QUICK)).status == 202
        with pytest.raises(Unreachable):
            await begin(wire, kick_off(server.base, ExportRequest("patients")), QUICK)
        await wire.aclose()

    asyncio.run(go())
    assert len(server.methods(path)) == 4, "whoever lost the answer may have begun an export that goes on"
