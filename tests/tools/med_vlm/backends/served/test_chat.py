"""Chat completions: whatever a model or its server says, an answer or a typed error comes of it, in bounded time and memory (FAULTS 62)."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.backends.served.chat import Alternative, Said, Wanted, gathered
from tools.med_vlm.backends.served.line import Stream
from tools.med_vlm.errors import MedVlmError, ModelAnswerUnusable, ModelServerUnreachable
from tools.med_vlm.vision_model import Prompt

REPORT = Prompt("", "Describe the image.", most_tokens=512)
EVENTS = "text/event-stream"


def said_by(media_type: str, *parts: bytes) -> Said:
    return gathered(Stream(media_type, iter(parts)), 512, lambda name: None)


def event(text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish, **more}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ("empty", ModelAnswerUnusable, "empty"),
        ("white", ModelAnswerUnusable, "empty"),
        ("no events", ModelAnswerUnusable, "cut off"),
        ("cut off", ModelAnswerUnusable, "cut off"),
        ("not JSON", ModelAnswerUnusable, "protocol"),
        ("truncated JSON", ModelAnswerUnusable, "protocol"),
        ("wrong schema", ModelAnswerUnusable, "protocol"),
        ("a list", ModelAnswerUnusable, "protocol"),
        ("no number", ModelAnswerUnusable, "protocol"),
        ("nested", ModelAnswerUnusable, "protocol"),
        ("a page", ModelAnswerUnusable, "neither JSON nor"),
        ("compressed", ModelAnswerUnusable, "encoded"),
        ("a million tokens", ModelAnswerUnusable, "longer"),
        ("the same for ever", ModelAnswerUnusable, "for ever"),
        ("a line without end", ModelAnswerUnusable, "longer"),
        ("events of nothing", ModelAnswerUnusable, "longer"),
        ("an error event", ModelServerUnreachable, "failed while"),
    ],
)
def test_what_is_no_answer_is_a_typed_error_that_repeats_nothing_of_it(
    serve: Any, open_model: Any, grey: Any, fault: str, error: type[MedVlmError], reason: str
) -> None:
    model = open_model(serve(faults=[fault]))
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(error, match=reason) as raised:
        model.write(grey(0.5), REPORT)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.monotonic() - began < 30
    assert most < 32 << 20, "bytes held at once, the image and its PNG among them"
    assert "4711" not in f"{raised.value!r} {raised.value.__cause__!r}"


@pytest.mark.fault(62)
def test_after_an_unusable_answer_the_next_is_taken(serve: Any, open_model: Any, grey: Any) -> None:
    server = serve(faults=["a million tokens", "the same for ever", "none"])
    model = open_model(server)
    for _ in range(2):
        with pytest.raises(ModelAnswerUnusable):
            model.write(grey(0.5), REPORT)
    assert model.write(grey(0.5), REPORT)[0].whole


def test_a_connection_is_kept_from_one_answer_to_the_next(serve: Any, open_model: Any, grey: Any) -> None:
    server = serve()
    model = open_model(server)
    for _ in range(4):
        model.write(grey(0.5), REPORT)
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([event("No "), event("effusion."), event(finish="stop"), b"data: [DONE]\n\n"], Said("No effusion.", True)),
        ([event("No ", finish="stop")], Said("No ", True)),
        ([event("No"), event(finish="length"), b"data: [DONE]\n\ndata: nonsense\n\n"], Said("No", False)),
        ([event("No"), event(finish="content_filter")], Said("No", False)),
        ([event("No"), event(finish="stop_sequence")], Said("No", True)),
        ([b'data: {"choices": [], "usage": {"total_tokens": 3}}\n\n', event(finish="stop")], Said("", True)),
        ([event("No", index=1), event("Yes", finish="stop")], Said("Yes", True)),
        ([event("No", reasoning_content="Hm."), event(finish="stop", system_fingerprint="x")], Said("No", True)),
    ],
    ids=["as it is told", "at once", "at the limit", "filtered", "another reason", "usage beside", "another choice", "more than is known"],
)
def test_a_stream_of_the_protocol_is_gathered(parts: list[bytes], said: Said) -> None:
    assert said_by(EVENTS, *parts) == said


def test_the_first_tokens_probabilities_are_those_of_the_first_position() -> None:
    first = {"content": [{"token": "yes", "logprob": -0.1, "top_logprobs": [{"token": "yes", "logprob": -0.1, "bytes": [1]}]}]}
    second = {"content": [{"top_logprobs": [{"token": ".", "logprob": -0.2}]}]}
    said = said_by(EVENTS, event("yes", logprobs=first), event(".", logprobs=second), event(finish="stop", logprobs=None))
    assert said.first == (Alternative(token="yes", logprob=-0.1),)


def test_an_answer_that_is_not_streamed_is_the_same_answer() -> None:
    whole = {"model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "No."}, "finish_reason": "stop"}]}
    assert said_by("application/json", json.dumps(whole).encode()) == Said("No.", True)


@pytest.mark.fault(62)
@given(parts=st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([event("a"), event(finish="stop"), b"data: [DONE]\n\n", b"\n"]))))
def test_no_bytes_make_anything_but_an_answer_or_a_typed_error(parts: list[bytes]) -> None:
    for media_type in (EVENTS, "application/json", ""):
        with suppress(MedVlmError):
            assert isinstance(said_by(media_type, *parts), Said)


@pytest.mark.fault(62)
def test_a_million_tokens_are_given_up_after_as_many_as_were_allowed() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        for number in range(1_000_000):
            taken += 1
            yield event(f"word{number} ")

    with pytest.raises(ModelAnswerUnusable, match="longer"):
        gathered(Stream(EVENTS, endless()), 512, lambda name: None)
    assert taken == 4 * 512 + 64 + 1


@pytest.mark.fault(62)
def test_one_event_may_hold_the_masks_of_a_report_but_not_just_anything() -> None:
    masks = json.dumps({"phrases": [{"masks": [{"rows": 512, "columns": 512, "runs": list(range(20_000))}]}]})
    assert said_by(EVENTS, event(masks), event(finish="stop")).text == masks
    with pytest.raises(ModelAnswerUnusable, match="longer"):
        said_by(EVENTS, event(masks * 2), event(finish="stop"))


def test_what_is_asked_for_is_what_was_wanted() -> None:
    plain = json.loads(Wanted(16).body("m", []))
    assert plain == {"model": "m", "messages": [], "stream": True, "max_tokens": 16, "temperature": 0.0}
    full = json.loads(Wanted(1, 0.7, 3, log_probabilities=True, schema={"type": "object"}).body("m", []))
    assert (full["seed"], full["logprobs"], full["top_logprobs"]) == (3, True, 20)
    assert full["response_format"]["json_schema"]["schema"] == {"type": "object"}
