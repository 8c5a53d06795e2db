"""The review in Chromium: progress, the way from a sentence to its evidence and back, questions, the keyboard, the measure of things."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.journey
ANNOUNCED = """
window.told = [];
addEventListener("DOMContentLoaded", () => new MutationObserver((all) => all.forEach((one) =>
  one.addedNodes.forEach((node) => told.push(node.textContent)))).observe(document.getElementById("said"), { childList: true }));
"""
SMALL = """
() => [...document.querySelectorAll("button, a, summary, input, select, textarea")].filter((one) => one.checkVisibility()).map((one) => {
  const label = one.labels?.[0]?.getBoundingClientRect();
  const { width, height } = label && label.height > 23 ? label : one.getBoundingClientRect();
  return [one.textContent || one.name, Math.round(width), Math.round(height)];
}).filter(([, width, height]) => width < 24 || height < 24)
"""


def test_progress_says_what_is_done_and_what_is_being_done(sheet: Any) -> None:
    sheet.script.held_at = 6  # bind, banner, chart, and the study begun
    sheet.page.add_init_script(ANNOUNCED)
    page = sheet.begin(wait=False)
    steps = page.locator(".steps li")
    expect(steps.nth(2)).to_have_attribute("data-state", "start")
    assert [one.get_attribute("data-state") for one in steps.all()[:4]] == ["done", "done", "start", None]
    expect(steps.nth(1)).to_have_text("✓Reading the chart0.0 s")
    expect(page.locator(".banner")).to_contain_text("Marta Lindqvist")
    sheet.script.release()
    page.wait_for_selector("main[data-state=review]")
    told = page.evaluate("told")
    assert len(told) == len(set(told)), "one announcement a step at most"
    assert told[:3] == ["Holding on to this patient", "Reading the chart", "Finding the study"]
    assert told[-1].startswith("The review is there.")


@pytest.mark.parametrize(
    ("status", "words"),
    [("presented", "Ready to read"), ("needs_review", "Needs a person's review"), ("withheld", "Withheld"), ("abstained", "abstains")],
)
def test_every_status_is_one_clear_sentence_on_top(sheet: Any, status: str, words: str) -> None:
    sheet.script.review["status"] = status
    expect(sheet.begin().locator(".state p").first).to_contain_text(words)


@pytest.mark.std("H4")
def test_a_chip_leads_to_its_evidence_and_back(sheet: Any) -> None:
    page = sheet.begin()
    chip = page.locator("#card-C2 ~ .lead .cite", has_text="E4")
    chip.click()
    row = page.locator(".evidence li", has=page.get_by_text("E4", exact=True)).first
    expect(row).to_be_focused()
    expect(row).to_have_class("on")
    expect(row).to_contain_text("19 Nov 2026")
    expect(row).to_contain_text("final")
    row.get_by_text("Observation/o4").first.click()
    expect(row.get_by_text("valueQuantity.unit")).to_be_visible()
    page.get_by_role("button", name="Back to the sentence").click()
    expect(chip).to_be_focused()
    expect(page.locator(".evidence li.on")).to_have_count(0)
    assert "#" not in page.url


def test_escape_leads_back_too_and_only_one_row_is_marked(sheet: Any) -> None:
    page = sheet.begin()
    first, second = (page.locator("#card-C1 ~ .lead .cite", has_text=name) for name in ("E1", "E3"))
    first.press("Enter")
    second.press("Enter")
    expect(page.locator(".evidence li.on")).to_have_count(1)
    expect(page.get_by_role("button", name="Back to the sentence")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(second).to_be_focused()


def test_a_number_that_shares_its_row_and_a_row_that_is_folded_away_are_found(sheet: Any) -> None:
    sheet.script.review["first"][0]["evidence"] = ["E10", "E11"]
    page = sheet.begin()
    page.locator("#card-C1 ~ .lead .cite", has_text="E10").click()
    expect(page.locator(".evidence li.on")).to_contain_text("eGFR 27")
    page.locator("#card-C1 ~ .lead .cite", has_text="E11").click()
    expect(page.locator(".evidence li.on")).to_contain_text("Age 71 y")
    expect(page.locator(".evidence li.on")).to_be_visible()


def test_an_image_finding_is_shown_in_the_image_and_a_case_among_the_cases(sheet: Any) -> None:
    page = sheet.begin()
    page.get_by_role("button", name="Show in image: E1").click()
    assert page.evaluate("document.activeElement.closest('.picture') !== null")
    page.get_by_role("button", name="Show case: E7").click()
    expect(page.locator(".case[open]")).to_contain_text("Chest tube within the hour.")


@pytest.mark.std("H4")
def test_a_card_opens_to_its_checks_and_its_policies_to_their_sources(sheet: Any) -> None:
    page = sheet.begin()
    card = page.locator("article", has=page.locator("#card-C2"))
    card.get_by_text("How it was checked: 4 of 4 support it").click()
    expect(card.get_by_text("numbers: supported, 27 mL/min/1.73 m² stands in E4")).to_be_visible()
    card.locator(".policy summary").first.click()
    for words in (
        "Renal function before iodinated contrast",
        "asks for review",
        "ACR Manual on Contrast Media, 2024",
        "open order: CT angiogram",
    ):
        expect(card.locator(".policy").first.get_by_text(words)).to_be_visible()
    expect(card).to_contain_text("E01 speaks of this too")


def test_a_policy_that_blocks_and_speaks_of_no_sentence_comes_before_anything_else(sheet: Any) -> None:
    sheet.script.review["elsewhere"][0]["action"] = "blocks"
    sheet.script.review["first"] = []
    expect(sheet.begin().locator(".first .card.critical")).to_contain_text("The allergy list was last reviewed in 2019.")


def test_enter_asks_and_the_answer_stands_below_with_its_evidence(sheet: Any) -> None:
    page = sheet.begin()
    box = page.get_by_role("textbox", name="Ask about this evidence")
    box.fill("What of the kidneys?")
    box.press("Enter")
    answer = page.locator(".answer")
    expect(answer).to_contain_text("What of the kidneys?")
    expect(answer.locator(".card.caution")).to_contain_text("Iodinated contrast")
    expect(answer.locator(".acts")).to_have_count(0)
    answer.locator(".cite", has_text="E4").first.click()
    expect(page.locator(".evidence li.on")).to_contain_text("eGFR 27")
    assert sheet.script.sent("POST", "/questions")[0].json() == {"text": "What of the kidneys?"}
    expect(box).to_have_value("")
    box.fill("And again?")
    box.press("Enter")
    expect(answer).to_have_count(2)
    named = page.evaluate("() => [...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(named) == len(set(named)), "a card that an answer repeats has an id of its own"


def test_a_question_that_is_refused_is_kept_and_the_refusal_told(sheet: Any) -> None:
    sheet.script.answers["POST", "/questions"] = (503, {"title": "The composer is busy", "status": 503, "code": "busy"})
    page = sheet.begin()
    box = page.get_by_role("textbox", name="Ask about this evidence")
    box.fill("And the lungs?")
    box.press("Enter")
    expect(page.locator(".ask [role=alert]")).to_have_text("The composer is busy")
    expect(box).to_have_value("And the lungs?")
    expect(page.get_by_role("button", name="Ask")).to_be_enabled()


def test_what_is_typed_while_an_answer_is_on_its_way_stays(sheet: Any) -> None:
    held = sheet.hold("POST", "/questions")
    page = sheet.begin()
    box = page.get_by_role("textbox", name="Ask about this evidence")
    box.fill("What of the kidneys?")
    box.press("Enter")
    box.fill("And of the lungs?")
    held.go()
    expect(page.locator(".answer")).to_contain_text("What of the kidneys?")
    expect(page.get_by_role("button", name="Ask")).to_be_enabled()
    expect(box).to_have_value("And of the lungs?")


def test_the_first_stop_of_the_keyboard_skips_to_the_review(sheet: Any) -> None:
    page = sheet.begin()
    assert page.evaluate("document.querySelector('a, button, input').textContent") == "Skip to the review"
    page.get_by_role("link", name="Skip to the review").press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_keyboard_goes_through_the_parts_in_reading_order(sheet: Any) -> None:
    page = sheet.begin()
    page.evaluate("document.getElementById('main').focus()")
    seen: list[str] = []
    for _ in range(120):
        page.keyboard.press("Tab")
        part = page.evaluate("document.activeElement.closest('.first, .picture, .claims, .beside, .below, .foot')?.className ?? ''")
        seen += [part] if part and seen[-1:] != [part] else []
        if len(seen) == 6:
            break
    assert seen == ["first", "picture", "claims", "beside", "below", "foot"]


@pytest.mark.parametrize("width", [320, 400, 900, 1280])
def test_nothing_runs_out_of_the_page_and_everything_can_be_hit(sheet: Any, width: int) -> None:
    """WCAG 2.2, 1.4.10 reflow and 2.5.8 target size."""
    sheet.script.review["patient"]["name"] = "Wolfeschlegelsteinhausenbergerdorff" * 3
    sheet.script.review["evidence"][3]["where"] = "Observation/" + "0123456789abcdef" * 4
    sheet.page.set_viewport_size({"width": width, "height": 800})
    page = sheet.begin()
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(SMALL) == []


def test_a_wide_page_has_the_study_left_and_the_cards_right(sheet: Any) -> None:
    sheet.page.set_viewport_size({"width": 1280, "height": 900})
    page = sheet.begin()
    left, right = (page.locator(name).bounding_box() for name in (".picture", ".claims"))
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"] + 1
    assert left["y"] < right["y"] < left["y"] + left["height"]


def test_the_foot_has_the_model_card_the_rules_and_what_answered(sheet: Any) -> None:
    page = sheet.begin()
    foot = page.locator(".foot")
    expect(foot).to_contain_text("AI-generated, not yet reviewed")
    expect(foot).to_contain_text("Record 7f3a9c000000")
    foot.get_by_role("button", name="Model card").click()
    dialog = page.get_by_role("dialog", name="Model card")
    expect(dialog).to_contain_text("A demonstrator.")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    foot.get_by_role("button", name="5 policies checked").click()
    assert page.evaluate("document.activeElement.textContent.includes('5 checked')")
