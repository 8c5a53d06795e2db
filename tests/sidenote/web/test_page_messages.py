"""SMART Web Messaging in Chromium, between two origins: what a page obeys, and that it drops and counts everything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Frame, expect

pytestmark = pytest.mark.journey
CLOSE = {"messagingHandle": "m3ssaging", "messageId": "1", "messageType": "patient-close", "payload": {}}
DROPPED = 'import("/static/messages.js").then(({ dropped }) => Object.fromEntries(dropped))'
POST = "(message) => document.querySelector('iframe').contentWindow.postMessage(message, '*')"
BESIDE = """([sandbox, source]) => {
  const made = document.createElement("iframe");
  made.sandbox = sandbox;
  made.srcdoc = source;
  document.body.append(made);
}"""
BUILT = "(code) => document.querySelector('iframe').contentWindow.postMessage(eval(code), '*')"


@pytest.fixture
def frame(sheet: Any, chart_page: str) -> Frame:
    """The page in a chart page of another origin, with a review on show."""
    sheet.script.opened["messaging"] = {"origin": chart_page.rstrip("/"), "handle": "m3ssaging"}
    framed: Frame = sheet.framed(chart_page)
    framed.wait_for_selector("main[data-state=review]")
    return framed


@pytest.mark.fault(34)
def test_a_patient_who_is_closed_in_the_chart_is_gone_and_the_chart_is_answered(
    sheet: Any, frame: Frame, chart_page: str, comes_true: Callable[..., None]
) -> None:
    sheet.page.evaluate("() => { window.heard = []; addEventListener('message', (e) => heard.push([e.origin, e.data])) }")
    sheet.page.evaluate(POST, CLOSE)
    expect(frame.get_by_role("heading", name="The patient was closed in the chart")).to_be_visible()
    expect(frame.locator("body")).not_to_contain_text("Lindqvist")
    comes_true(sheet.page, "heard.length > 0")
    ((origin, told),) = sheet.page.evaluate("heard")
    assert origin == sheet.script.root.rstrip("/")
    assert told.pop("messageId")
    assert told == {"responseToMessageId": "1", "additionalResponsesExpected": False, "payload": {}}
    sheet.heard("DELETE", "/session")


HOSTILE: dict[str, tuple[Any, str]] = {
    "another handle": ({**CLOSE, "messagingHandle": "m3ssagin"}, "handle"),
    "a handle that is an object": ({**CLOSE, "messagingHandle": {"toString": "x"}}, "handle"),
    "a handle that is a list of it": ({**CLOSE, "messagingHandle": ["m3ssaging"]}, "handle"),
    "no handle": ({"messageId": "1", "messageType": "patient-close"}, "handle"),
    "another type": ({**CLOSE, "messageType": "scratchpad.create"}, "type"),
    "no type": ({**CLOSE, "messageType": None}, "type"),
    "a type in other letters": ({**CLOSE, "messageType": "Patient-Close"}, "type"),
    "no id": ({**CLOSE, "messageId": None}, "shape"),
    "a long id": ({**CLOSE, "messageId": "1" * 65}, "shape"),
    "another key": ({**CLOSE, "origin": "http://evil.example"}, "shape"),
    "a text": ('{"messagingHandle":"m3ssaging"}', "shape"),
    "a number": (7, "shape"),
    "nothing": (None, "shape"),
    "a list": ([CLOSE], "shape"),
    "a payload that is a text": ({**CLOSE, "payload": "x"}, "shape"),
    "a large payload": ({**CLOSE, "payload": {"text": "x" * 10_000}}, "size"),
    "many small parts": ({**CLOSE, "payload": {str(n): n for n in range(2_000)}}, "size"),
}


@pytest.mark.fault(47)
def test_messages_that_are_not_quite_right_are_dropped_and_counted(sheet: Any, frame: Frame, comes_true: Callable[..., None]) -> None:
    expected: dict[str, int] = {}
    for message, why in HOSTILE.values():
        sheet.page.evaluate(POST, message)
        expected[why] = expected.get(why, 0) + 1
    comes_true(frame, f"async () => Object.values(await {DROPPED}).reduce((a, b) => a + b, 0) >= {len(HOSTILE)}")
    assert frame.evaluate(DROPPED) == expected
    expect(frame.locator(".banner")).to_contain_text("Lindqvist")


RIGHT = 'messagingHandle: "m3ssaging", messageId: "1", messageType: "patient-close"'
PROTOTYPE = '{"__proto__": {"messagingHandle": "m3ssaging", "messageType": "patient-close", "messageId": "1"}}'
BUILT_HERE = {
    "ten megabytes": (f'({{{RIGHT}, payload: {{x: "x".repeat(1e7)}}}})', "size"),
    "ten megabytes of bytes": (f"({{{RIGHT}, payload: new Uint8Array(1e7)}})", "size"),
    "a ring": ("(() => { const ring = {}; ring.payload = ring; return ring })()", "size"),
    "depth": ("(() => { let deep = {}; for (let n = 0; n < 1000; n++) deep = {d: deep}; return {payload: deep} })()", "size"),
    "a prototype": (f"JSON.parse('{PROTOTYPE}')", "shape"),
    "a prototype beside": ("""JSON.parse('{"messageId": "1", "constructor": {"prototype": {"polluted": 1}}}')""", "shape"),
    "a prototype in the payload": ("""JSON.parse('{"payload": {"__proto__": {"polluted": 1}}, "messageId": "1"}')""", "handle"),
    "a map": ('new Map([["messagingHandle", "m3ssaging"]])', "size"),
    "a date": ("new Date()", "size"),
    "a big number": ("10n", "size"),
}


@pytest.mark.fault(47)
@pytest.mark.parametrize(("code", "why"), BUILT_HERE.values(), ids=BUILT_HERE)
def test_what_no_json_could_be_is_dropped_too_and_pollutes_nothing(
    sheet: Any, frame: Frame, code: str, why: str, comes_true: Callable[..., None]
) -> None:
    before = frame.evaluate(DROPPED).get(why, 0)
    frame.page.evaluate(BUILT, code)
    comes_true(frame, f"async () => (await {DROPPED}).{why} === {before + 1}")
    assert frame.evaluate("[({}).polluted, ({}).messagingHandle, Object.keys(Object.prototype).length]") == [None, None, 0]
    expect(frame.locator(".banner")).to_contain_text("Lindqvist")


@pytest.mark.fault(47)
def test_a_message_of_another_origin_or_window_is_dropped_whatever_it_says(
    sheet: Any, frame: Frame, chart_page: str, comes_true: Callable[..., None]
) -> None:
    """From a sandboxed frame beside it (origin `null`), from a frame beside it of the chart's own origin, and from the page itself."""
    for sandbox in ("allow-scripts", "allow-scripts allow-same-origin"):
        sheet.page.evaluate(BESIDE, [sandbox, f"<script>parent.frames[0].postMessage({json.dumps(CLOSE)}, '*')</script>"])
    frame.evaluate("(m) => postMessage(m, '*')", CLOSE)
    comes_true(frame, f"async () => Object.values(await {DROPPED}).reduce((a, b) => a + b, 0) === 3")
    assert frame.evaluate(DROPPED) == {"origin": 2, "source": 1}
    expect(frame.locator(".banner")).to_contain_text("Lindqvist")


@pytest.mark.fault(47)
def test_where_the_ehr_offers_no_messaging_nothing_is_listened_to(sheet: Any, chart_page: str) -> None:
    frame = sheet.framed(chart_page)
    frame.wait_for_selector("main[data-state=review]")
    sheet.page.evaluate(POST, CLOSE)
    frame.wait_for_timeout(50)
    assert frame.evaluate(DROPPED) == {}
    expect(frame.locator(".banner")).to_contain_text("Lindqvist")


@pytest.mark.fault(34)
def test_a_frame_that_is_taken_out_of_the_chart_ends_its_session(sheet: Any, frame: Frame) -> None:
    sheet.page.evaluate("document.querySelector('iframe').remove()")
    sheet.heard("DELETE", "/session")
