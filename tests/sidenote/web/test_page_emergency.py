"""The strip of an emergency: loud, above everything, and there exactly as long as the session is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.journey, pytest.mark.fault(109)]
AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
WORDS = "Emergency access. Every read is recorded as such."
BOX = "(one) => { const { top, bottom, width } = one.getBoundingClientRect(); return [top, bottom, width]; }"


@pytest.fixture
def urgent(sheet: Any) -> Any:
    """A sheet whose session the EHR opened in an emergency."""
    sheet.script.opened["emergency"] = True
    return sheet


def test_an_emergency_is_announced_and_stays_above_everything_however_far_one_reads(urgent: Any) -> None:
    page = urgent.begin()
    strip = page.get_by_role("alert").filter(has_text=WORDS)
    expect(strip).to_be_visible()
    page.evaluate("scrollTo(0, document.scrollingElement.scrollHeight)")
    assert page.evaluate("scrollY") > 300
    top, bottom, width = strip.evaluate(BOX)
    assert (top, width) == (0, 400)
    assert page.locator(".top").evaluate(BOX)[0] == bottom
    assert strip.evaluate("(one) => document.elementFromPoint(200, 5) === one")


def test_it_stands_while_the_review_runs_and_after_one_that_failed(urgent: Any) -> None:
    urgent.script.held_at = 9
    page = urgent.begin(wait=False)
    page.wait_for_selector("main[data-state=running] .banner")
    expect(page.locator("#emergency")).to_have_text(WORDS)
    told = {"type": "about:blank", "title": "The chart cannot be read.", "status": 502, "code": "unreachable", "retryable": True}
    urgent.script.more = [("failed", json.dumps(told))]
    urgent.script.review = {**urgent.script.review}
    urgent.script.release()
    page.wait_for_selector("main[data-state=failed]")
    expect(page.locator("#emergency")).to_have_text(WORDS)


@pytest.mark.parametrize("how", ["ended by the EHR", "signed out"])
def test_it_is_gone_with_the_session(urgent: Any, how: str) -> None:
    page = urgent.begin()
    if how == "signed out":
        page.get_by_role("button", name="Sign out").click()
    else:
        urgent.script.end()
    page.wait_for_selector("main[data-state=ended]")
    expect(page.locator("#emergency")).to_be_empty()


def test_a_usual_session_has_none_and_neither_has_a_page_without_a_session(sheet: Any) -> None:
    page = sheet.begin()
    expect(page.locator("#emergency")).to_be_hidden()
    assert page.get_by_text("Emergency").count() == 0
    page.goto(sheet.script.root)
    expect(page.locator("#emergency")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read_in_both_themes_and_at_320_px(urgent: Any, theme: str, missing: Callable[[str], NoReturn]) -> None:
    if not AXE.is_file():
        missing("axe-core is not here: run scripts/sidebar")
    urgent.page.set_viewport_size({"width": 320, "height": 640})
    page = urgent.begin()
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("(only) => axe.run(document, {runOnly: only, resultTypes: ['violations'], elementRef: false})", RULES)
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
    assert page.evaluate("document.scrollingElement.scrollWidth") == 320


def test_the_styles_of_an_ehr_leave_it_readable(urgent: Any) -> None:
    urgent.script.opened["style"] = {"color_error": "#777777", "color_background": "#777777", "color_text": "#787878"}
    page = urgent.begin()
    assert page.locator("#emergency").evaluate(CONTRAST) >= 4.5


CONTRAST = """(one) => {
  const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const { color, backgroundColor } = getComputedStyle(one);
  const [dark, bright] = [light(color), light(backgroundColor)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}"""


def test_where_a_link_leads_to_is_not_hidden_beneath_it(urgent: Any) -> None:
    """WCAG 2.4.11: what has the focus is not covered."""
    page = urgent.begin()
    page.evaluate("document.querySelector('.foot').scrollIntoView()")
    page.evaluate("document.querySelector('main .cards, main section').scrollIntoView()")
    under = page.locator(".head").evaluate(BOX)[1]
    assert page.locator("main .cards, main section").first.evaluate(BOX)[0] >= under
