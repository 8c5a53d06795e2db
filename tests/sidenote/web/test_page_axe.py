"""WCAG 2.2 AA on every state of the page in both themes: by axe, and by hand where axe cannot see."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.journey

AXE = Path(__file__).parents[3] / "node_modules" / "axe-core" / "axe.min.js"
RUN = "(only) => axe.run(document, {runOnly: only, resultTypes: ['violations'], elementRef: false})"
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""What a theme can break."""
State = Callable[[Any], None]


@pytest.fixture(scope="module")
def axe(missing: Callable[[str], NoReturn]) -> str:
    """axe-core's source. Given to the page through the debugger, which its Content-Security-Policy does not bind."""
    if not AXE.is_file():
        missing("axe-core is not here: run scripts/sidebar")
    return AXE.read_text("utf-8")


def running(sheet: Any) -> None:
    sheet.script.held_at = 9
    sheet.begin(wait=False)
    sheet.page.wait_for_selector("main[data-state=running] .banner")


def failed(sheet: Any) -> None:
    told = {"type": "about:blank", "title": "The chart cannot be read.", "status": 502, "code": "unreachable", "retryable": True}
    sheet.script.more = [("failed", json.dumps(told))]
    sheet.begin(wait=False)
    sheet.page.wait_for_selector("main[data-state=failed]")


def reviewed(sheet: Any) -> None:
    sheet.begin()
    sheet.page.wait_for_selector(".now canvas")


def presented(sheet: Any) -> None:
    sheet.script.review |= {"status": "presented", "status_words": "presented", "first": [], "withheld": []}
    reviewed(sheet)


def unread(mode: str) -> State:
    def state(sheet: Any) -> None:
        status = "withheld" if mode == "refused" else "abstained"
        study = sheet.script.review["study"] | {"images": [], "identity": "mismatch", "identity_words": "The image is another patient's."}
        reading: dict[str, Any] = {
            "mode": mode,
            "words": "The image was not read.",
            "model": "",
            "reason": "It is not a chest.",
            "narrative": [],
            "disagreements": [],
            "comparison": None,
            "trust": [],
        }
        none = {
            "comparable": False,
            "words": "No comparable case",
            "detail": "",
            "method": ["Searched 9 cases."],
            "notice": "An older index answers.",
            "cases": [],
        }
        sheet.script.review |= {"status": status, "study": study, "reading": reading, "similar": none, "voices": [], "first": []}
        sheet.begin()

    return state


def unfolded(sheet: Any) -> None:
    reviewed(sheet)
    sheet.page.get_by_role("button", name="Side by side").click()
    sheet.page.wait_for_selector(".prior canvas")
    sheet.page.evaluate("document.querySelectorAll('main details').forEach((one) => (one.open = true))")
    sheet.page.get_by_role("link", name="Evidence E1").first.click()
    sheet.page.get_by_role("button", name="Heat map", exact=True).click()


def full_size(sheet: Any) -> None:
    reviewed(sheet)
    sheet.page.get_by_role("button", name="Full size").click()


def deciding(sheet: Any) -> None:
    reviewed(sheet)
    sheet.page.get_by_role("button", name="Reject").first.click()


def answered(sheet: Any) -> None:
    reviewed(sheet)
    sheet.page.locator(".ask input").fill("Is there a pneumothorax?")
    sheet.page.locator(".ask button").click()
    sheet.page.get_by_text("From the evidence of this review alone.").wait_for()


def model_card(sheet: Any) -> None:
    reviewed(sheet)
    sheet.page.get_by_role("button", name="Model card").click()
    sheet.page.get_by_text("Attribute 1").wait_for()


def over(sheet: Any) -> None:
    reviewed(sheet)
    sheet.script.end()
    sheet.page.wait_for_selector("main[data-state=ended]")


def start(sheet: Any) -> None:
    sheet.page.goto(sheet.script.root)
    sheet.page.get_by_role("button", name="Lindenhof Hospital").wait_for()


STATES: dict[str, State] = {
    "start": start,
    "running": running,
    "failed": failed,
    "presented": presented,
    "withheld": unread("refused"),
    "abstained": unread("abstained"),
    "needs review, everything unfolded, beside the prior": unfolded,
    "full size": full_size,
    "deciding": deciding,
    "answered": answered,
    "model card": model_card,
    "over": over,
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_no_state_of_the_page_breaks_a_rule_of_wcag_in_either_theme(sheet: Any, axe: str, state: State) -> None:
    state(sheet)
    sheet.page.evaluate(axe)
    for theme, rules in (("light", RULES), ("dark", COLOURS)):
        sheet.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        found = sheet.page.evaluate(RUN, rules)["violations"]
        assert [(theme, one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


WIDER = """[...document.querySelectorAll('main *, dialog *')].filter((one) => one.checkVisibility() && !one.closest('.marks') &&
    one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80))"""
SMALLER = """[...document.querySelectorAll('button, select, summary, textarea, input:not([type=checkbox]), label:has(input), a.cite')]
    .filter((one) => one.checkVisibility()).map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (box.height < 23.9 || box.width < 23.9)).map(([html]) => html)"""


@pytest.mark.parametrize("state", [running, unfolded, full_size, deciding, model_card, over], ids=lambda state: state.__name__)
def test_at_320_px_nothing_is_wider_than_the_page_and_no_target_is_smaller_than_24_px(sheet: Any, state: State) -> None:
    """WCAG 1.4.10 and 2.5.8, the latter without its exceptions."""
    sheet.page.set_viewport_size({"width": 320, "height": 640})
    state(sheet)
    assert sheet.page.evaluate("document.scrollingElement.scrollWidth") == 320
    assert sheet.page.evaluate(WIDER) == []
    assert sheet.page.evaluate(SMALLER) == []


CONTRAST = """(selector) => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0);
  const style = getComputedStyle(document.querySelector(selector));
  const [r, g, b, a = 1] = parse(style.backgroundColor);
  const [ink] = [light(parse(style.color).slice(0, 3))];
  const over = (ground) => light([r, g, b].map((one) => one * a + ground * (1 - a)));
  return [0, 128, 255].map(over).map((ground) => (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05));
}"""


def test_what_is_written_on_an_image_can_be_read_on_black_grey_and_white(sheet: Any) -> None:
    reviewed(sheet)
    for theme in ("light", "dark"):
        sheet.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        for selector in (".tag", ".marks > *"):
            assert min(sheet.page.evaluate(CONTRAST, selector)) >= 4.5, (theme, selector)


def test_nothing_moves_by_itself_for_who_asked_for_less_motion(sheet: Any) -> None:
    running(sheet)
    assert sheet.page.evaluate("document.getAnimations().length") == 0


def order(page: Page, most: int = 90) -> list[str]:
    """Names of what the Tab key visits from the top of the page, once around."""
    visited: list[str] = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(most):
        page.keyboard.press("Tab")
        here = page.evaluate("(document.activeElement.ariaLabel || document.activeElement.textContent || '').trim().slice(0, 40)")
        if visited and here == visited[0]:
            break
        visited.append(here)
    return visited


def test_the_tab_key_goes_through_the_page_in_reading_order_and_past_marks_of_the_pointer(sheet: Any) -> None:
    reviewed(sheet)
    visited = order(sheet.page)
    landmarks = ["Approve", "Image under review", "Window", "Full size", "Heat map", "Model card"]
    at = [next(i for i, name in enumerate(visited) if name.startswith(landmark)) for landmark in landmarks]
    assert at == sorted(at)
    assert sheet.page.evaluate("document.querySelector('.marks').closest('[aria-hidden=true]') !== null")
    assert sheet.page.evaluate("[...document.querySelectorAll('.marks button')].every((one) => one.tabIndex === -1)")


def test_a_dialog_takes_the_focus_and_gives_it_back(sheet: Any) -> None:
    full_size(sheet)
    focused = "document.activeElement.closest('dialog') !== null"
    assert sheet.page.evaluate(focused)
    sheet.page.keyboard.press("Escape")
    expect(sheet.page.get_by_role("button", name="Full size")).to_be_focused()
    assert sheet.page.locator(".picture > section > div > .viewer canvas").count() == 1
