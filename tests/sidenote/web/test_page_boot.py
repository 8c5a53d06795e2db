"""From the launch to the review in Chromium: what the page keeps, what it leaves in the address, what it says when it cannot begin."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.journey
WINDOW = re.compile(r"[A-Za-z0-9_-]{22,86}")
PARTS = (
    *("Before anything else", "The study", "Consider", "What was seen", "Withheld", "Four voices", "Similar cases", "Policies"),
    *("Evidence", "Not seen", "Ask"),
)
PROBLEM = {
    "type": "about:blank",
    "title": "This EHR is not known here",
    "status": 400,
    "code": "issuer_unknown",
    "detail": "Ask who runs it.",
}


@pytest.mark.std("A20")
@pytest.mark.std("H6")
def test_a_launch_leads_through_the_ehr_to_the_review(sheet: Any) -> None:
    page = sheet.begin()
    (launch,), (session,) = sheet.script.sent("POST", "/launch"), sheet.script.sent("POST", "/session")
    assert launch.json()["iss"] == "http://127.0.0.1:9/fhir"
    assert launch.json()["launch"] == "l4unch"
    assert WINDOW.fullmatch(launch.json()["window"])
    assert session.json() == {"ehr": "lindenhof", "query": "code=c0de&state=st4te", "window": launch.json()["window"]}
    assert page.url == f"{sheet.script.root}callback/lindenhof", "neither code nor state stays in the address"
    headings = [text for text in page.locator("h2:visible").all_text_contents() if text.startswith(PARTS)]
    assert tuple(text[: len(part)] for text, part in zip(headings, PARTS, strict=True)) == PARTS
    expect(page.locator(".top")).to_contain_text("Research software, not a medical device")
    expect(page.locator(".top")).to_contain_text("Not for time-critical decisions")


@pytest.mark.std("A19")
@pytest.mark.fault(46)
def test_nothing_that_opens_a_session_is_kept_anywhere(sheet: Any, secret: str) -> None:
    page = sheet.begin()
    stored = page.evaluate(
        "JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie, location.href, history.state, document.title])"
    )
    assert secret not in stored
    assert "Lindqvist" not in stored
    assert page.evaluate("[...Object.keys(sessionStorage), ...Object.keys(localStorage)]") == ["window"]
    assert page.evaluate("indexedDB.databases().then((all) => all.length)") == 0
    assert page.context.cookies() == []
    assert {one.headers.get("authorization") for one in sheet.script.asked if "/reviews/" in one.path} == {f"Bearer {secret}"}
    assert {one.headers.get("authorization") for one in sheet.script.asked if "/reviews/" not in one.path} == {None}


@pytest.fixture
def secret(sheet: Any) -> str:
    handle: str = sheet.script.opened["handle"]
    return handle


@pytest.mark.fault(35)
@pytest.mark.parametrize(
    "leave", [lambda page: page.reload(), lambda page: (page.goto("about:blank"), page.go_back())], ids=["reload", "back"]
)
def test_a_page_that_was_left_shows_nothing_and_has_ended_its_session(sheet: Any, leave: Callable[[Any], object]) -> None:
    page = sheet.begin()
    leave(page)
    expect(page.get_by_role("heading", name="Open Sidenote from the chart")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Lindqvist")
    sheet.heard("DELETE", "/session")
    assert len(sheet.script.sent("POST", "/session")) == 1


@pytest.mark.fault(35)
def test_a_page_out_of_the_back_forward_cache_shows_nothing(sheet: Any) -> None:
    page = sheet.begin()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(page.get_by_role("heading", name="This page was left")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Lindqvist")


@pytest.mark.std("A21")
def test_two_tabs_have_two_windows_and_one_tab_keeps_its_own(sheet: Any, chromium: Browser) -> None:
    page = sheet.begin()
    page = sheet.begin()
    other = page.context.new_page()
    other.goto(f"{sheet.script.root}launch?iss=http://127.0.0.1:9/fhir&launch=x")
    other.wait_for_selector("main[data-state=review]")
    first, second, third = (one.json()["window"] for one in sheet.script.sent("POST", "/launch"))
    assert first == second
    assert third != first


@pytest.mark.fault(23)
def test_a_callback_that_this_tab_did_not_begin_is_sent_nowhere(sheet: Any) -> None:
    sheet.page.goto(f"{sheet.script.root}callback/lindenhof?code=stolen&state=other")
    expect(sheet.page.get_by_role("heading", name="Open Sidenote from the chart")).to_be_visible()
    assert sheet.script.sent("POST", "/session") == []
    assert "stolen" not in sheet.page.url


@pytest.mark.fault(46)
def test_a_frame_without_storage_offers_a_window_of_its_own(sheet: Any, chart_page: str) -> None:
    """Chromium throws a SecurityError where third-party storage is blocked; the getter is made to throw the same."""
    blocked = "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('blocked', 'SecurityError') } })"
    sheet.page.add_init_script(f"if (top !== self) {blocked}")
    frame = sheet.framed(chart_page)
    link = frame.get_by_role("link", name="Open in a window")
    assert sheet.script.sent("POST", "/launch") == []
    with sheet.page.context.expect_page() as opening:
        link.click()
    opening.value.wait_for_selector("main[data-state=review]")
    assert opening.value.evaluate("window.opener") is None


def test_a_standalone_launch_begins_with_a_choice_of_ehrs(sheet: Any) -> None:
    sheet.page.goto(f"{sheet.script.root}standalone")
    sheet.page.get_by_role("button", name="Lindenhof Hospital").click()
    sheet.page.wait_for_selector("main[data-state=review]")
    assert sheet.script.sent("POST", "/launch")[0].json()["launch"] is None


@pytest.mark.std("A7")
@pytest.mark.parametrize(("route", "title"), [("/launch", "Sidenote cannot be opened"), ("/session", "This sign-in did not work")])
def test_a_refusal_is_told_in_the_servers_words(sheet: Any, route: str, title: str) -> None:
    sheet.script.answers["POST", route] = (400, PROBLEM)
    page = sheet.begin(wait=False)
    expect(page.get_by_role("heading", name=title)).to_be_focused()
    expect(page.locator("main")).to_contain_text("This EHR is not known here")
    expect(page.locator("main")).to_contain_text("Ask who runs it.")


@pytest.mark.std("A20")
@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "not a url"])
def test_only_an_address_of_the_web_is_followed(sheet: Any, url: str) -> None:
    sheet.script.answers["POST", "/launch"] = (200, {"authorize_url": url})
    page = sheet.begin(wait=False)
    expect(page.get_by_role("heading", name="Sidenote cannot be opened")).to_be_visible()
    assert page.url.startswith(sheet.script.root)


@pytest.mark.std("A11")
def test_the_patient_is_named_only_where_the_ehr_does_not(sheet: Any) -> None:
    sheet.script.opened["shows_banner"] = False
    expect(sheet.begin().locator(".banner")).not_to_contain_text("Lindqvist")


@pytest.mark.fault(31)
def test_what_was_not_granted_is_named(sheet: Any) -> None:
    sheet.script.opened["off"] = [{"what": "writing drafts", "reach": "none"}, {"what": "reading results", "reach": "part"}]
    page = sheet.begin()
    page.get_by_text("What was looked at").click()
    expect(page.get_by_text("Not granted by the EHR: writing drafts")).to_be_visible()
    expect(page.get_by_text("Granted in part by the EHR: reading results")).to_be_visible()
