"""The page as a reader meets it: in headless Chromium, at the sidebar's width and at a desk's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from agent.review import Review
from sidenote.render.page import page

pytestmark = pytest.mark.journey

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]


@pytest.fixture(scope="module")
def browser(missing: Callable[[str], NoReturn]) -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("chromium is not installed")
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(params=[(400, 800), (1280, 900)], ids=["sidebar", "desk"])
def opened(request: pytest.FixtureRequest, browser: Browser, compared: Review, tmp_path: Path) -> Iterator[Page]:
    """The page of the review made by hand; fails on any complaint of the browser, the content policy's among them."""
    file = tmp_path / "review.html"
    file.write_text(page(compared, np.linspace(0, 1, 300 * 300, dtype=np.float32).reshape(300, 300)), "utf-8")
    width, height = request.param
    tab = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: complaints.append(request.url) if not request.url.startswith(("file:", "data:")) else None)
    tab.goto(file.as_uri())
    yield tab
    tab.close()
    assert complaints == []


def test_a_citation_lands_on_its_evidence_and_the_way_back_on_its_statement(opened: Page) -> None:
    for chip in opened.locator("article a.cite").all():
        chip.click()
        evidence = opened.locator(f"[id='{chip.inner_text()}']").first
        assert opened.evaluate("location.hash") == f"#{chip.inner_text()}"
        assert evidence.evaluate("e => { const r = e.getBoundingClientRect(); return r.bottom > 0 && r.top < innerHeight; }")
    opened.locator("a.back").first.click()
    assert opened.evaluate("document.querySelector(location.hash).classList.contains('card')")


def test_a_citation_of_the_models_words_opens_the_evidence_that_no_statement_cites(opened: Page) -> None:
    evidence = opened.locator("#E9")
    assert not evidence.is_visible()
    opened.locator(".told a.cite", has_text="E9").click()
    evidence.wait_for(state="visible")
    assert evidence.evaluate("e => { const r = e.getBoundingClientRect(); return r.bottom > 0 && r.top < innerHeight; }")


def test_pointing_at_a_citation_marks_its_region_and_its_evidence(opened: Page) -> None:
    opened.locator("article a.cite", has_text="E1").first.hover()
    assert opened.locator("#E1.on").count() == 1
    assert opened.locator(".outline.on").count() == 1


def test_the_heat_map_fades_with_its_slider(opened: Page) -> None:
    def opacity() -> float:
        return float(opened.locator(".heat").evaluate("e => getComputedStyle(e).opacity"))

    before = opacity()
    opened.locator("#heat").fill("10")
    assert opacity() == pytest.approx(0.1)
    assert before != opacity()


def test_nothing_overflows_sideways_and_no_text_is_too_small(opened: Page) -> None:
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sizes = opened.evaluate(
        "[...document.querySelectorAll('p, span, small, td, th, li, a, summary')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12


def test_every_control_is_reached_by_the_keyboard(opened: Page) -> None:
    reached = set()
    for _ in range(opened.locator("a, input, summary").count() + 2):
        opened.keyboard.press("Tab")
        reached.add(opened.evaluate("document.activeElement.tagName"))
    assert {"A", "INPUT", "SUMMARY"} <= reached
