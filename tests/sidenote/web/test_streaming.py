"""Server-Sent Events: what is sent can be parsed as the standard says, silence is filled, and nothing is sent that was dropped."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidenote.web.running import Event, Run
from sidenote.web.streaming import COMMENT, formatted, last_event, stream
from sidenote.web.wire.view import PatientView


def parsed(text: str) -> list[tuple[str, str, str]]:
    """(id, name, data) by the rules of WHATWG HTML 9.2.6."""
    found = []
    for block in text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        fields = [line.partition(":") for line in block.split("\n") if line and not line.startswith(":")]
        read = {name: value.removeprefix(" ") for name, _, value in fields}
        if "data" in read:
            found.append((read["id"], read["event"], read["data"]))
    return found


@given(st.text(), st.text())
def test_any_text_in_an_event_comes_out_as_it_went_in(name: str, detail: str) -> None:
    data = PatientView(name=name.encode("utf-8", "replace").decode(), detail=detail.encode("utf-8", "replace").decode())
    sent = formatted(Event(7, "banner", data.model_dump_json())).decode()
    assert parsed(sent) == [("7", "banner", data.model_dump_json())]
    assert PatientView.model_validate_json(parsed(sent)[0][2]) == data


@given(st.text())
def test_a_last_event_id_is_a_number_of_ours_or_nothing(header: str) -> None:
    assert 0 <= last_event(header) < 10**9


@pytest.mark.parametrize("header", [None, "", " 3", "٣", "1e3", "0x1", "9999999999", "-2"])
def test_what_is_no_number_of_ours_asks_for_everything(header: str | None) -> None:
    assert last_event(header) == 0


def test_silence_is_filled_with_comments() -> None:
    async def run() -> list[bytes]:
        sending = stream(Run("r1"), 0, keep_alive=0.01)
        return [await anext(sending) for _ in range(3)]

    assert asyncio.run(run()) == [COMMENT] * 3


@pytest.mark.fault(34)
def test_an_event_that_waits_to_be_sent_when_the_run_ends_is_never_sent() -> None:
    async def run() -> bytes:
        made = Run("r1")
        made.append("step", "{}")
        made.append("banner", '{"name":"Erik Larsen"}')
        sending = stream(made, 0)
        first = await anext(sending)
        made.cancel("another_launch")
        return first + b"".join([chunk async for chunk in sending])

    sent = asyncio.run(run())
    assert [name for _, name, _ in parsed(sent.decode())] == ["step", "ended"]
    assert b"Larsen" not in sent


@pytest.mark.fault(52)
def test_who_has_heard_the_end_hears_nothing_more() -> None:
    async def run() -> list[bytes]:
        made = Run("r1")
        made.cancel("expired")
        return [chunk async for chunk in stream(made, 1)]

    assert asyncio.run(run()) == []
