"""The page as a reader meets it: in headless Chromium, at the sidebar's width and at a desk's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from agent.review import Review
from sidenote.render.page import page

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def browser(one_renderer: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    first = tmp_path_factory.mktemp("first") / "first.html"
    first.write_text("<!doctype html><title>First</title>", "utf-8")
    with one_renderer(first.as_uri(), reduced_motion="reduce") as context:
        yield context


@pytest.fixture(params=[(400, 800), (1280, 900)], ids=["sidebar", "desk"])
def opened(request: pytest.FixtureRequest, browser: BrowserContext, compared: Review, tmp_path: Path) -> Iterator[Page]:
    """The page of the review made by hand; fails on any complaint of the browser, the content policy's among them."""
    file = tmp_path / "review.html"
    file.write_text(page(compared, np.linspace(0, 1, 300 * 300, dtype=np.float32).reshape(300, 300)), "utf-8")
    width, height = request.param
    tab = browser.new_page()
    tab.set_viewport_size({"width": width, "height": height})
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
    expect(opened.locator("#E1.on")).to_have_count(1)
    expect(opened.locator(".outline.on")).to_have_count(1)


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
