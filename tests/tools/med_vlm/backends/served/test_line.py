"""The line to a server that fails: typed, in bounded time, asked again where that helps, and left alone when it does not (FAULTS 66)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir.wire.breaker import Breaker
from tools.med_vlm.backends.served.line import Ask, Patience, Stream
from tools.med_vlm.deadline import within
from tools.med_vlm.errors import (
    MedVlmError,
    ModelAnswerUnusable,
    ModelServerBusy,
    ModelServerRefused,
    ModelServerResting,
    ModelServerUnreachable,
    ModelTimedOut,
)

CHAT = Ask("chat/completions", 1 << 20, b'{"messages": [{"content": []}], "max_tokens": 9, "temperature": 0}')


def whole(stream: Stream) -> bytes:
    return b"".join(stream.parts)


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("fault", "error", "times"),
    [
        ("503", ModelServerBusy, 3),
        ("429", ModelServerBusy, 3),
        ("busy for an hour", ModelServerBusy, 1),
        ("502", ModelServerUnreachable, 3),
        ("500", ModelServerUnreachable, 1),
        ("dies", ModelServerUnreachable, 3),
        ("hangs up", ModelServerUnreachable, 3),
        ("400", ModelServerRefused, 1),
        ("401", ModelServerRefused, 1),
        ("403", ModelServerRefused, 1),
        ("404", ModelServerRefused, 1),
        ("elsewhere", ModelServerRefused, 1),
        ("202", ModelAnswerUnusable, 1),
        ("compressed", ModelAnswerUnusable, 1),
        ("a line without end", ModelAnswerUnusable, 1),
    ],
)
def test_a_failure_has_its_type_and_is_repeated_only_where_that_can_help(
    serve: Any, line: Any, fault: str, error: type[MedVlmError], times: int
) -> None:
    server = serve(faults=[fault])
    with pytest.raises(error) as raised:
        line(server).ask(CHAT, whole)
    assert len(server.asked) == times
    assert "4711" not in str(raised.value), "a server repeats what it was asked"
    assert raised.value.__cause__ is None
    assert "127.0.0.1" not in str(raised.value)


@pytest.mark.fault(66)
def test_nobody_there_is_unreachable_and_retryable(serve: Any, line: Any) -> None:
    server = serve()
    server.url = "http://127.0.0.1:1/v1"
    with pytest.raises(ModelServerUnreachable) as raised:
        line(server).ask(CHAT, whole)
    assert raised.value.retryable


@pytest.mark.fault(66)
@pytest.mark.parametrize("faults", [["503", "none"], ["dies", "502", "none"], ["busy for a moment", "none"]])
def test_a_server_that_recovers_in_time_is_answered_by(serve: Any, line: Any, faults: list[str]) -> None:
    server = serve(faults=list(faults))
    assert b"[DONE]" in line(server).ask(CHAT, whole)
    assert len(server.asked) == len(faults)


@pytest.mark.fault(66)
def test_waits_as_long_as_the_server_asks_and_otherwise_twice_as_long_each_time(serve: Any, line: Any) -> None:
    waited: list[float] = []
    with pytest.raises(ModelServerBusy):
        line(serve(faults=["503"]), sleep=waited.append).ask(CHAT, whole)
    with pytest.raises(ModelServerBusy):
        line(serve(faults=["busy for a moment"]), sleep=waited.append).ask(CHAT, whole)
    assert waited == [0.01, 0.02, 0.0, 0.0]
    with pytest.raises(ModelServerBusy) as hour:
        line(serve(faults=["busy for an hour"])).ask(CHAT, whole)
    assert hour.value.retry_after == 3600.0


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    ("fault", "patience"),
    [
        ("silent", lambda seconds: Patience(total=60.0, silence=seconds)),
        ("silent", lambda seconds: Patience(total=seconds, silence=60.0)),
        ("drips", lambda seconds: Patience(total=seconds, silence=60.0)),
    ],
    ids=["silent", "silent until the end", "drips"],
)
def test_silence_and_dripping_end_in_time_and_are_not_repeated(
    serve: Any, line: Any, fault: str, patience: Callable[[float], Patience]
) -> None:
    server = serve(faults=[fault])
    for seconds in (0.2, 2.0, 15.0):  # until it is time enough on this machine for the question to arrive
        began = time.monotonic()
        with pytest.raises(ModelTimedOut) as raised:
            line(server, patience(seconds)).ask(CHAT, whole)
        assert time.monotonic() - began < 30
        if server.asked:
            break
    assert (len(server.asked), raised.value.retryable) == (1, True)


@pytest.mark.fault(66)
@pytest.mark.parametrize(("fault", "asked"), [("silent", 1), ("drips", 1), ("503", 2)])
def test_an_answer_ends_with_the_reading_it_is_for(serve: Any, line: Any, fault: str, asked: int) -> None:
    for seconds in (0.3, 2.0, 12.0):  # until it is time enough on this machine for the questions to arrive
        server, began = serve(faults=[fault]), time.monotonic()
        with pytest.raises((ModelTimedOut, ModelServerBusy)), within(seconds):
            line(server, Patience(total=60.0, silence=60.0, wait=seconds * 2 / 3)).ask(CHAT, whole)
        assert time.monotonic() - began < 30
        if len(server.asked) >= asked:
            break
    assert len(server.asked) == asked


@pytest.mark.fault(66)
def test_a_reading_whose_time_is_over_asks_nothing_and_the_server_is_not_blamed(serve: Any, line: Any) -> None:
    server = serve()
    one = line(server, breaker=Breaker(failures=1, rest=60.0))
    with pytest.raises(ModelTimedOut), within(0):
        one.ask(CHAT, whole)
    assert len(server.asked) == 0
    assert one.ask(CHAT, whole)


@pytest.mark.fault(66)
def test_a_server_that_keeps_failing_is_left_alone_and_then_asked_once(serve: Any, line: Any) -> None:
    now = [0.0]
    server = serve(faults=["502"])
    one = line(server, Patience(attempts=1), breaker=Breaker(failures=3, rest=10.0, clock=lambda: now[0]))
    for _ in range(3):
        with pytest.raises(ModelServerUnreachable):
            one.ask(CHAT, whole)
    with pytest.raises(ModelServerResting):
        one.ask(CHAT, whole)
    assert len(server.asked) == 3, "at once, without asking"
    now[0], server.faults[:] = 10.0, ["none"]
    assert one.ask(CHAT, whole)
    assert one.ask(CHAT, whole)


@pytest.mark.fault(66)
@pytest.mark.parametrize("fault", ["503", "404", "compressed"])
def test_a_server_that_says_no_is_alive(serve: Any, line: Any, fault: str) -> None:
    server = serve(faults=[fault])
    one = line(server, Patience(attempts=1), breaker=Breaker(failures=1))
    for _ in range(3):
        with pytest.raises(MedVlmError):
            one.ask(CHAT, whole)
    assert len(server.asked) == 3


@pytest.mark.fault(66)
def test_what_the_taker_does_not_like_ends_the_question_and_leaves_the_line_usable(serve: Any, line: Any) -> None:
    one = line(serve(), breaker=Breaker(failures=1))

    def dislike(stream: Stream) -> None:
        next(stream.parts)
        raise ModelAnswerUnusable("it is not liked")

    with pytest.raises(ModelAnswerUnusable, match="not liked"):
        one.ask(CHAT, dislike)
    assert b"[DONE]" in one.ask(CHAT, whole)


def test_more_bytes_than_allowed_are_not_taken(serve: Any, line: Any) -> None:
    one = line(serve())
    with pytest.raises(ModelAnswerUnusable, match="longer"):
        one.ask(Ask("models", 10), whole)
    assert one.ask(Ask("models", 1000), whole).startswith(b"{")


@pytest.mark.std("A20")
def test_a_certificate_is_believed_when_the_machine_knows_its_authority(
    serve: Any, line: Any, certify: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certify()
    server = serve(certificate=certificate)
    with pytest.raises(ModelServerUnreachable, match="certificate"):
        line(server, Patience(attempts=1)).ask(CHAT, whole)
    assert server.asked == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert b"[DONE]" in line(server).ask(CHAT, whole)
