"""The parts beside the sentences: the four voices, similar cases, policies, what was not seen, the model card, why nothing was read."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.journey


def part(page: Page, title: str) -> Any:
    return page.get_by_role("region", name=title)


def say(words: str, mark: str = "●", *evidence: str) -> dict[str, Any]:
    return {"mark": mark, "words": words, "polarity": None, "evidence": list(evidence)}


def test_the_voices_stand_beside_each_other_and_where_they_differ_comes_first_and_is_told_in_words(sheet: Any) -> None:
    page = sheet.begin()
    table = part(page, "Four voices").get_by_role("table", name="What chart, report, image model and similar cases say of each finding")
    assert table.get_by_role("columnheader").all_inner_texts() == ["Chart", "Report", "Reading", "Cases"]
    first = table.locator("tbody").first
    assert first.locator("th").inner_text().split("\n") == ["Left pneumothorax", "≠ voices differ"]
    assert first.locator("td").nth(1).inner_text().split() == ["○", "absent", "E3"]
    assert table.locator("tbody.clash").count() == sum(row["discordant"] for row in sheet.script.review["voices"])
    marks = table.locator("td > [aria-hidden=true]")
    assert set(marks.all_inner_texts()) <= {"●", "○", "◐", "–", "?"}


def test_a_voice_without_words_says_nothing_aloud_too(sheet: Any) -> None:
    silent = {"finding": "nodule", "chart": say("", "–"), "report": say("–", "–"), "reading": say("present"), "cases": say("2 of 3")}
    sheet.script.review["voices"] = [{**silent, "discordant": False}]
    page = sheet.begin()
    assert part(page, "Four voices").locator("td .unseen").all_text_contents() == ["says nothing", "says nothing"]


def png() -> str:
    buffer = io.BytesIO()
    Image.new("L", (16, 16), 90).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_similar_case_shows_its_picture_what_it_shares_and_what_not_and_opens_with_its_report(sheet: Any) -> None:
    sheet.script.review["similar"]["cases"][0]["thumbnail_png"] = png()
    page = sheet.begin()
    cases = part(page, "Similar cases")
    expect(cases).to_contain_text("about other people")
    case = cases.locator(".case").nth(0)
    case.scroll_into_view_if_needed()
    picture = case.locator("img")
    expect(picture).to_have_js_property("naturalWidth", 16)
    expect(case).to_contain_text("distance 0.14")
    expect(case.get_by_text("Large left pneumothorax.")).to_be_hidden()
    case.locator("summary").click()
    for told in ("Large left pneumothorax.", "Chest tube within the hour.", "CC BY 4.0", "PA, 60 to 79 y"):
        expect(case.get_by_text(told)).to_be_visible()
    expect(cases.locator(".case").nth(1).locator("summary")).to_contain_text("no picture")


def test_why_a_case_is_comparable_is_told_before_it_is_opened(sheet: Any) -> None:
    first = sheet.script.review["similar"]["cases"][0]
    first.update(shared=["left pneumothorax (apex)", "PA view", "female"], differs=["age: 60-69 there, 70-79 here"])
    page = sheet.begin()
    case = part(page, "Similar cases").locator(".case").nth(0)
    expect(case.locator("summary")).to_contain_text("shares left pneumothorax (apex), PA view")
    expect(case.get_by_text("age: 60-69 there, 70-79 here")).to_be_hidden()
    case.locator("summary").click()
    expect(case.get_by_text("age: 60-69 there, 70-79 here")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("comparable", [True, False])
def test_how_cases_were_searched_for_is_folded_and_an_older_index_is_not(sheet: Any, comparable: bool) -> None:
    sheet.script.review["similar"].update(comparable=comparable, notice="An older index answers.")
    page = sheet.begin()
    cases = part(page, "Similar cases")
    expect(cases.get_by_text("An older index answers.")).to_be_visible()
    expect(cases.get_by_text("Left out before: 2 same person, 11 later date.")).to_be_hidden()
    cases.get_by_text("How similar cases were searched for").click()
    expect(cases.get_by_text("Left out before: 2 same person, 11 later date.")).to_be_visible()


def test_a_case_is_found_from_its_evidence(sheet: Any) -> None:
    page = sheet.begin()
    cited = sheet.script.review["similar"]["cases"][0]["evidence"][0]
    page.get_by_role("button", name=f"Show case: {cited}").click()
    expect(page.locator(".case").nth(0)).to_have_attribute("open", "")
    expect(page.locator(".case summary").nth(0)).to_be_focused()


def test_no_comparable_case_is_said_and_none_is_shown(sheet: Any) -> None:
    sheet.script.review["similar"].update(comparable=False, words="No comparable cases", detail="The nearest is at 0.61")
    page = sheet.begin()
    expect(part(page, "Similar cases")).to_contain_text("No comparable cases. The nearest is at 0.61")
    assert page.locator(".case").count() == 0


def test_policies_that_fired_come_first_then_what_cannot_tell_and_what_is_clear_is_folded_with_its_count(sheet: Any) -> None:
    policies = sheet.script.review["policies"]
    policies.insert(0, {**policies[0], "id": "Z09", "outcome": "cannot_tell", "message": "No creatinine is on record.", "evidence": []})
    page = sheet.begin()
    rules = part(page, "Policies")
    count = {outcome: sum(one["outcome"] == outcome for one in policies) for outcome in ("fired", "cannot_tell", "clear")}
    heads = rules.locator("h3, details.rules > summary").all_inner_texts()
    assert heads == [f"Fired: {count['fired']}", f"Cannot tell, for want of data: {count['cannot_tell']}", f"Clear: {count['clear']}"]
    expect(rules.get_by_text("No creatinine is on record.")).to_be_visible()
    expect(rules.locator("details.rules .policy").first).to_be_hidden()
    fired = rules.locator(".policy").first
    fired.locator("summary").click()
    for told in ("ACR Practice Parameter for Communication, 2020", "communications in the chart: none"):
        expect(fired.get_by_text(told)).to_be_visible()
    expect(fired.get_by_role("link", name="Evidence E3")).to_be_visible()


def test_what_was_not_seen_is_told_by_kind_and_of_a_kind_without_anything_nothing_is_said(sheet: Any) -> None:
    sheet.script.review["missing"] = {
        "unavailable": ["Immunization (refused: 403)"],
        "not_fitting": [],
        "notes": [],
        "quality": ["Two birth dates."],
    }
    page = sheet.begin()
    heads = part(page, "Not seen").locator("h3").all_inner_texts()
    assert heads == ["Not available. What rests on it says “cannot tell”.", "Doubtful in the record"]


@pytest.mark.std("G")
def test_the_model_card_is_one_click_away_and_writes_out_what_is_not_available(sheet: Any) -> None:
    page = sheet.begin()
    page.get_by_role("button", name="Model card").click()
    card = page.get_by_role("dialog", name="Model card")
    expect(card).to_contain_text("compact 0.3")
    assert card.locator("dd").all_inner_texts() == ["not available"] * 3
    card.get_by_role("button", name="Close").click()
    expect(card).to_be_hidden()
    expect(page.get_by_role("button", name="Model card")).to_be_focused()


@pytest.mark.parametrize(("status", "told"), [(404, "No image model stands here"), (503, "The card could not be had")])
def test_a_card_that_does_not_come_is_told(sheet: Any, status: int, told: str) -> None:
    sheet.script.answers["GET", "/model-card"] = (status, {"title": "No", "status": status, "code": "none"})
    page = sheet.begin()
    page.get_by_role("button", name="Model card").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(told)


@pytest.mark.std("H1")
def test_what_the_image_model_says_stands_under_its_label(sheet: Any) -> None:
    page = sheet.begin()
    told = "Image model, research use, not cleared: off unless the site turned it on."
    expect(part(page, "The study").get_by_text(told)).to_be_visible()


@pytest.mark.parametrize("mode", ["abstained", "off", "none"])
def test_an_image_that_was_not_read_says_so_and_why(sheet: Any, mode: str) -> None:
    sheet.script.review["reading"] = {
        "mode": mode,
        "words": "Nobody asked the model.",
        "model": "",
        "reason": "It is off here.",
        "narrative": [],
        "disagreements": [],
        "comparison": None,
        "trust": [],
    }
    if mode == "none":
        sheet.script.review["study"] = None
    page = sheet.begin()
    study = part(page, "The study")
    expect(study.get_by_text("Not read. Nobody asked the model. It is off here.")).to_be_visible()
    expect(study.get_by_text("Image model, research use")).to_have_count(0)


def test_what_changed_stands_before_the_image_each_kind_with_its_evidence(sheet: Any) -> None:
    page = sheet.begin()
    changes = part(page, "The study").locator(".changes")
    expect(changes.get_by_role("heading")).to_contain_text("Since 2 Sep 2026")
    expect(changes).to_contain_text("image model, research use")
    assert changes.locator("dt").all_text_contents() == ["+New", "=There before and now"]
    assert changes.locator("dt > [aria-hidden=true]").all_text_contents() == ["+", "="]
    assert page.evaluate(
        "document.querySelector('.changes').getBoundingClientRect().bottom <= document.querySelector('.stage').getBoundingClientRect().top"
    )
    changes.locator("div", has_text="left pneumothorax").get_by_role("link", name="Evidence E1").click()
    expect(page.locator(".evidence li.on > b")).to_have_text("E1")


def test_a_comparison_that_found_nothing_says_so_and_without_one_nothing_stands_there(sheet: Any) -> None:
    none = "No finding is present now, and none went away."
    sheet.script.review["reading"]["comparison"].update(changed=[], nothing=none)
    page = sheet.begin()
    expect(page.locator(".changes")).to_contain_text(none)
    assert page.locator(".changes dl").count() == 0
    sheet.script.review["reading"]["comparison"] = None
    page = sheet.begin()
    expect(page.locator(".changes")).to_have_count(0)


def test_the_models_own_words_are_folded_name_whose_they_are_and_lead_to_their_evidence(sheet: Any) -> None:
    page = sheet.begin()
    study = part(page, "The study")
    words = study.get_by_text("Lucent left hemithorax.")
    expect(words).to_be_hidden()
    study.get_by_text("About the image and its reading").click()
    expect(words).to_be_visible()
    assert study.locator(".about h3").all_inner_texts() == ["The image", "In the image model's words", "How far to trust it"]
    expect(study.get_by_text("In the words of report phantom-000042, characters 17 to 40")).to_be_visible()
    expect(study.get_by_text("the model answered differently on every finding")).to_be_visible()
    words.get_by_role("link", name="Evidence E1").click()
    expect(page.locator(".evidence li.on")).to_be_focused()


def test_that_nothing_was_calibrated_is_not_folded_away(sheet: Any) -> None:
    told = "It has not been calibrated here, so nothing it says is more than uncertain."
    sheet.script.review["reading"]["words"] = f"ours 1 read the image. {told}"
    page = sheet.begin()
    expect(part(page, "The study").get_by_text(told)).to_be_visible()


def test_a_cards_pictures_are_plots_side_by_side_with_their_figures_in_words(sheet: Any) -> None:
    page = sheet.begin()
    page.get_by_role("button", name="Model card").click()
    expect(page.locator("dialog .panels")).to_have_count(2)
    reliable, risky = page.locator("dialog .panels").all()
    page.get_by_role("button", name="To its figures as pictures").click()
    expect(page.get_by_role("heading", name="Reliability")).to_be_in_viewport()
    for panels, picture in ((reliable, sheet.script.pictures[0]), (risky, sheet.script.pictures[1])):
        images = panels.get_by_role("img")
        expect(images).to_have_count(4)
        for n, panel in enumerate(picture.panels):
            expect(images.nth(n)).to_have_js_property("naturalWidth", 152)
            expect(images.nth(n)).to_have_attribute("alt", panel.alt)
        boxes = "(all) => all.slice(0, 2).map((one) => one.getBoundingClientRect()).map(({ y, width }) => [y, width])"
        first, second = images.evaluate_all(boxes)
        assert first == second
        assert first[1] >= 150  # at 400 px a plot keeps its own size, so that its 12 px type does


@pytest.mark.parametrize("system", ["light", "dark"])
def test_a_plot_is_light_or_dark_as_the_page_is_whatever_the_system_is(sheet: Any, system: Any) -> None:
    sheet.page.emulate_media(color_scheme=system, reduced_motion="reduce")
    page = sheet.begin()
    page.get_by_role("button", name="Model card").click()
    plot = page.locator(".panels img").first
    plot.scroll_into_view_if_needed()
    for theme, ground in (("light", (255, 255, 255)), ("dark", (22, 28, 34))):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        shot = Image.open(io.BytesIO(plot.screenshot())).convert("RGB")
        assert shot.getpixel((4, shot.height // 2)) == ground, theme


def test_where_the_models_words_contradict_a_report_both_stand_open(sheet: Any) -> None:
    said = "Pneumothorax: the report says “No pneumothorax.”, the image model “There is a right pneumothorax.”."
    sheet.script.review["reading"]["disagreements"] = [said]
    expect(part(sheet.begin(), "The study").locator("p.note").get_by_text(said)).to_be_visible()


def marked_up(value: Any) -> Any:
    """Every free text of a view with markup in it."""
    if isinstance(value, dict):
        return {key: one if key in NAMES or (isinstance(one, str) and key in CLOSED) else marked_up(one) for key, one in value.items()}
    if isinstance(value, list):
        return [marked_up(one) for one in value]
    return f"<b class=evil>{value}</b>" if isinstance(value, str) else value


NAMES = frozenset({"evidence", "id", "ids", "claim", "sha256", "review_id", "reference", "cited_by"})
CLOSED = frozenset(
    {
        "status",
        "as_of",
        "identity",
        "mode",
        "change",
        "outcome",
        "polarity",
        "kind",
        "tone",
        "action",
        "view",
        "thumbnail_png",
        "image",
        "record",
    }
)
"""Fields of a closed vocabulary, where they are texts."""


@pytest.mark.fault(49)
def test_markup_in_any_text_of_a_review_is_shown_as_text(sheet: Any) -> None:
    sheet.script.review = marked_up(sheet.script.review)
    page = sheet.begin()
    page.locator(".now canvas").wait_for()
    assert page.locator(".evil").count() == 0
    for place in (
        ".voices tbody th",
        ".case summary",
        ".policy summary",
        ".note",
        ".finds .tool",
        ".picture .line",
        ".changes dd",
        ".about li",
    ):
        assert "<b class=evil>" in (page.locator(place).first.text_content() or ""), place
    assert "<b class=evil>left pneumothorax</b>" in (page.locator(".now canvas").get_attribute("aria-label") or "")


def test_an_image_whose_identity_is_not_the_patients_is_told_openly(sheet: Any) -> None:
    sheet.script.review["study"].update(images=[], identity="mismatch", identity_words="The image carries another patient's identifier.")
    page = sheet.begin()
    study = part(page, "The study")
    expect(study.locator("p.note").get_by_text("The image carries another patient's identifier.")).to_be_visible()
    expect(study.get_by_text("No image of this study can be shown.")).to_be_visible()
