"""A stream that is cut, goes on, fails or ends, in Chromium: what is incomplete says so, and what is over is gone at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.journey
LEFT = (
    "document.body.textContent + document.title + [...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]).map((a) => a.value)"
)
REVIEW_AT = 24
"""Its place in the log: eleven steps begun and done, the banner, and itself."""


@pytest.mark.fault(3)
@pytest.mark.parametrize("cuts", [[1], [5], [22], [23], [2, 9, 17]], ids=str)
def test_a_cut_stream_goes_on_where_it_was_cut(sheet: Any, cuts: list[int]) -> None:
    sheet.script.cuts = list(cuts)
    page = sheet.begin()
    asked = [one.headers.get("last-event-id") for one in sheet.script.sent("GET", "/events")]
    assert asked == [None, *map(str, cuts)]
    expect(page.locator("#alarm")).to_be_empty()
    expect(page.locator("main")).not_to_have_class("cut")


@pytest.mark.fault(3)
def test_while_the_connection_is_cut_the_view_is_marked_and_nothing_is_decided(sheet: Any) -> None:
    sheet.script.cuts = [REVIEW_AT]
    sheet.page.route("**/events", lambda route: route.abort() if route.request.headers.get("last-event-id") else route.continue_())
    page = sheet.begin()
    expect(page.locator("#alarm")).to_contain_text("Incomplete, not to be used")
    expect(page.locator("main")).to_have_class("cut")
    page.get_by_role("button", name="Approve").first.click()
    page.get_by_role("button", name="Approve for").click()
    expect(page.locator(".confirm .wrong")).to_have_text("The connection is cut. Nothing was sent.")
    assert sheet.script.sent("POST", "/decisions") == []
    page.unroute("**/events")
    expect(page.locator("#alarm")).to_be_empty()
    page.get_by_role("button", name="Approve for").click()
    expect(page.locator(".decided")).to_be_visible()


def test_a_connection_that_stays_cut_blanks_the_page(sheet: Any, chromium: Browser) -> None:
    """With a clock of its own, which holds for a whole context of the browser."""
    sheet.page = chromium.new_context().new_page()
    sheet.page.clock.install()
    sheet.script.cuts = [REVIEW_AT]
    sheet.page.route("**/events", lambda route: route.abort() if route.request.headers.get("last-event-id") else route.continue_())
    page = sheet.begin()
    expect(page.locator("#alarm")).to_contain_text("Incomplete")
    page.clock.fast_forward(121_000)
    expect(page.get_by_role("heading", name="The connection was lost")).to_be_visible()
    assert "Lindqvist" not in page.evaluate(LEFT)
    page.context.close()


@pytest.mark.parametrize("held", [7, None], ids=["while it runs", "when it is shown"])
@pytest.mark.fault(34)
def test_the_end_of_the_session_takes_everything_away_at_once(sheet: Any, held: int | None) -> None:
    sheet.script.held_at = held
    page = sheet.begin(wait=held is None)
    expect(page.locator(".banner")).to_contain_text("Lindqvist")
    # before it is released: told the whole log first, the page would wait for an event that never comes
    sheet.script.log = lambda: [*type(sheet.script).log(sheet.script)[:held], ("ended", ENDED)]
    sheet.script.release()
    expect(page.get_by_role("heading", name="This session is over")).to_be_focused()
    expect(page.locator("main")).to_contain_text("Another patient was opened in the chart.")
    left = page.evaluate(LEFT)
    for words in ("Lindqvist", "metformin", "Observation/o4", "0.93", "004-1187"):
        assert words not in left
    assert page.title() == "Sidenote"
    assert page.evaluate("[...document.querySelectorAll('canvas, img, dialog')].length") == 0
    expect(page.get_by_text("Open Sidenote again from the chart.")).to_be_visible()


ENDED = json.dumps({"reason": "another_launch", "words": "Another patient was opened in the chart."})


@pytest.mark.fault(34)
@pytest.mark.parametrize("ending", ["/questions", "/decisions", "/events"])
def test_an_answer_that_comes_after_the_end_is_not_shown(sheet: Any, ending: str) -> None:
    """The answer is held in the browser until the session has ended."""
    held = sheet.hold("POST" if ending == "/questions" else "GET", ending)
    page = sheet.page
    sheet.begin(wait=ending == "/questions")
    if ending == "/questions":
        page.get_by_role("textbox", name="Ask about this evidence").fill("What of the kidneys?")
        page.keyboard.press("Enter")
    assert held.route
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    expect(page.get_by_role("heading", name="This page was left")).to_be_visible()
    held.answer({"title": "late Lindqvist"} if ending != "/decisions" else [])
    page.wait_for_timeout(50)
    assert "Lindqvist" not in page.evaluate(LEFT)
    sheet.heard("DELETE", "/session")


@pytest.mark.parametrize(("status", "title"), [(401, "This session is over"), (404, "This review is no longer there")])
def test_a_review_that_is_not_ours_any_longer_is_gone(sheet: Any, status: int, title: str) -> None:
    sheet.script.answers["GET", "/events"] = (status, {"title": "It is over.", "status": status, "code": "session_over"})
    page = sheet.begin(wait=False)
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    assert len(sheet.script.sent("GET", "/events")) == 1


def test_a_server_that_is_busy_is_asked_again(sheet: Any) -> None:
    sheet.script.answers["GET", "/events"] = (503, {"title": "Busy.", "status": 503, "code": "busy", "retryable": True})
    page = sheet.begin(wait=False)
    expect(page.locator("#alarm")).to_contain_text("Incomplete, not to be used")
    sheet.script.answers.clear()
    page.wait_for_selector("main[data-state=review]")
    expect(page.locator("#alarm")).to_be_empty()


def test_a_review_that_failed_says_why_shows_nothing_of_the_patient_and_may_be_tried_again(sheet: Any) -> None:
    told = {"type": "about:blank", "title": "The chart cannot be read.", "status": 503, "code": "fhir_unreachable", "retryable": True}
    sheet.script.held_at = 5
    page = sheet.begin(wait=False)
    expect(page.locator(".banner")).to_contain_text("Lindqvist")
    sheet.script.log = lambda: [*type(sheet.script).log(sheet.script)[:5], ("failed", json.dumps(told))]
    sheet.script.release()
    expect(page.get_by_role("heading", name="This review could not be made")).to_be_visible()
    expect(page.locator("main")).to_contain_text("The chart cannot be read.")
    assert "Lindqvist" not in page.evaluate(LEFT)
    del sheet.script.log
    held = sheet.hold("POST", "/reviews")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Try again")).to_be_disabled()
    held.go()
    page.wait_for_selector("main[data-state=review]")
    assert [one.path for one in sheet.script.sent("GET", "/events")] == ["/api/reviews/r1/events", "/api/reviews/r2/events"]


@pytest.mark.parametrize("broken", [{"account": None}, {"status": "perfect"}, {"first": [{"claim": "C1"}]}], ids=str)
def test_a_review_that_cannot_be_shown_whole_is_not_shown(sheet: Any, broken: dict[str, Any]) -> None:
    sheet.script.review |= broken
    page = sheet.begin(wait=False)
    expect(page.get_by_role("heading", name="This review cannot be shown")).to_be_visible()
    assert "Lindqvist" not in page.evaluate(LEFT)


def test_signing_out_ends_the_session_and_blanks_the_page(sheet: Any) -> None:
    page = sheet.begin()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Signed out")).to_be_focused()
    sheet.heard("DELETE", "/session")
    assert "Lindqvist" not in page.evaluate(LEFT)


READ = """
async (pieces) => {
  const { follow } = await import("/static/stream.js");
  const heard = [];
  const stop = new AbortController();
  const open = async () => new Response(new ReadableStream({
    start(to) { for (const piece of pieces) to.enqueue(Uint8Array.from(piece)); to.close(); },
  }));
  const tell = (name, data) => heard.push([name, data]);
  await follow(open, tell, (cut) => cut && stop.abort(), stop.signal);
  return heard;
}
"""
TOLD = (
    "id: 1\nevent: a\ndata: ä\n\n:ping\n\nevent: b\r\nid: 2\r\ndata: one\r\ndata:two\r\n\r\n"
    "id: 2\nevent: b\ndata: again\n\nid: 3\nevent: c\ndata: cut"
)


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
def test_events_are_read_however_they_are_sliced(sheet: Any, size: int) -> None:
    """Also: two `data` lines are one text, a comment is nothing, an event heard before is not heard again, and a cut one is dropped."""
    sheet.page.goto(f"{sheet.script.root}standalone")
    raw = TOLD.encode()
    pieces = [list(raw[at : at + size]) for at in range(0, len(raw), size)]
    assert sheet.page.evaluate(READ, pieces) == [["a", "ä"], ["b", "one\ntwo"]]
