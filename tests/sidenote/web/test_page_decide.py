"""Approve, edit and reject in Chromium: what is asked of the person, what is sent, and what is said when somebody else was first."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

pytestmark = pytest.mark.journey


def card(sheet: Any, claim: str = "C2") -> Locator:
    """A card of the page."""
    found: Locator = sheet.page.locator("article", has=sheet.page.locator(f"#card-{claim}"))
    return found


@pytest.mark.std("H5")
def test_no_act_is_suggested_and_the_confirmation_names_the_patient_and_the_sources(sheet: Any) -> None:
    sheet.begin()
    acts = card(sheet).locator(".acts button")
    assert acts.all_text_contents() == ["Approve", "Edit", "Reject…"]
    assert len({one.evaluate("(b) => JSON.stringify([getComputedStyle(b).backgroundColor, b.offsetHeight])") for one in acts.all()}) == 1
    acts.first.click()
    form = card(sheet).get_by_role("form", name="Approve: confirm")
    for words in ("Marta Lindqvist", "born 14 Mar 1955 · MRN 004-1187", "E4 Observation/o4, 19 Nov 2026", "E5 MedicationRequest/m5"):
        expect(form).to_contain_text(words)
    expect(form.get_by_role("button", name="Approve for Marta Lindqvist")).to_be_focused()
    assert sheet.script.sent("POST", "/decisions") == []


def test_an_approval_is_bound_to_the_bytes_shown_and_then_says_who_when_and_what_was_written(sheet: Any) -> None:
    sheet.script.review["patient"]["name"] = "Märta “Ö” Lindqvist 🫁"
    sheet.begin()
    card(sheet).get_by_role("button", name="Approve").click()
    card(sheet).get_by_role("button", name="Approve for Märta").click()
    done = card(sheet).locator(".decided")
    expect(done).to_be_focused()
    for words in ("Approved", "Dr Amira Haddad · ", "Written to the chart as a draft.", "Communication/17"):
        expect(done).to_contain_text(words)
    when = done.locator("time")
    expect(when).to_have_attribute("datetime", "2026-11-20T09:02:00Z")
    expect(when).to_contain_text("2026")
    expect(when).not_to_contain_text("T09")
    (sent,) = sheet.script.sent("POST", "/decisions")
    shown = hashlib.sha256(sheet.script.review_text.encode()).hexdigest()
    assert sent.json() == {"claim": "C2", "action": "approve", "shown_sha256": shown}
    expect(card(sheet).locator(".acts")).to_have_count(0)


@pytest.mark.std("H5")
def test_a_rejection_takes_a_reason(sheet: Any) -> None:
    sheet.begin()
    card(sheet).get_by_role("button", name="Reject…").click()
    reason = card(sheet).get_by_label("Why it is rejected (required)")
    expect(reason).to_be_focused()
    card(sheet).get_by_role("button", name="Reject for Marta Lindqvist").click()
    expect(card(sheet).locator(".wrong")).to_have_text("Say why.")
    reason.fill("   ")
    card(sheet).get_by_role("button", name="Reject for Marta Lindqvist").click()
    assert sheet.script.sent("POST", "/decisions") == []
    reason.fill("She is on dialysis.")
    card(sheet).get_by_role("button", name="Reject for Marta Lindqvist").click()
    expect(card(sheet).locator(".decided")).to_contain_text("Reason: She is on dialysis.")
    assert sheet.script.sent("POST", "/decisions")[0].json()["reason"] == "She is on dialysis."


def test_an_edit_begins_with_the_sentence_and_shows_the_persons_words(sheet: Any) -> None:
    sheet.begin()
    card(sheet).get_by_role("button", name="Edit").click()
    words = card(sheet).get_by_label("Your words in its place")
    expect(words).to_have_value(sheet.script.review["consider"][0]["text"])
    words.fill("Hold metformin; <b>check</b> again at 48 h.")
    card(sheet).get_by_role("button", name="Approve as edited for Marta Lindqvist").click()
    expect(card(sheet).locator(".decided q")).to_have_text("Hold metformin; <b>check</b> again at 48 h.")
    assert sheet.script.sent("POST", "/decisions")[0].json()["text"] == "Hold metformin; <b>check</b> again at 48 h."


@pytest.mark.parametrize("leave", ["Escape", "Cancel"])
def test_leaving_the_confirmation_gives_the_focus_back_and_sends_nothing(sheet: Any, leave: str) -> None:
    page = sheet.begin()
    card(sheet).get_by_role("button", name="Reject…").click()
    page.keyboard.press("Escape") if leave == "Escape" else card(sheet).get_by_role("button", name="Cancel").click()
    expect(card(sheet).get_by_role("button", name="Reject…")).to_be_focused()
    assert sheet.script.sent("POST", "/decisions") == []


def test_the_second_of_two_sees_the_first(sheet: Any, made: Any) -> None:
    sheet.begin()
    sheet.script.decided.append(made("C2", "edit", text="Hold it.", write="pending"))
    card(sheet).get_by_role("button", name="Approve").click()
    card(sheet).get_by_role("button", name="Approve for").click()
    done = card(sheet).locator(".decided")
    for words in ("Somebody had decided first.", "Edited and approved", "Dr Amira Haddad", "Hold it.", "It is pending."):
        expect(done).to_contain_text(words)
    sheet.script.decided[:] = [made("C2", "edit", text="Hold it.")]
    expect(done).to_contain_text("It is written.")
    expect(done).to_contain_text("Somebody had decided first.")
    expect(done).to_be_focused()


@pytest.fixture
def made(sheet: Any) -> Any:
    """Makes a decision that stands."""
    from sidenote.web.wire.decide import DecisionView

    def make(claim: str, action: str = "approve", text: str = "", reason: str = "", write: str = "written") -> DecisionView:
        fields = {"claim": claim, "action": action, "text": text, "reason": reason, "write": write, "written": []}
        return DecisionView.model_validate({**fields, "by": "Dr Amira Haddad", "at": "20 Nov 2026", "write_words": f"It is {write}."})

    return make


def test_decisions_that_stand_already_are_shown_as_such(sheet: Any, made: Any) -> None:
    sheet.script.decided.append(made("C3"))
    sheet.begin()
    expect(card(sheet, "C3").locator(".decided")).to_contain_text("Approved")
    expect(card(sheet, "C2").locator(".acts")).to_be_visible()
    assert sheet.page.evaluate("document.activeElement.closest('.decided')") is None


def test_until_the_page_has_read_what_stands_each_place_to_decide_says_that_it_is_busy(sheet: Any) -> None:
    held = sheet.hold("GET", "/decisions")
    sheet.begin(wait=False)
    places = sheet.page.locator(".decide")
    expect(places.first).to_have_attribute("aria-busy", "true")
    busy = sheet.page.locator("[aria-busy=true]")
    assert busy.count() == places.count() > 1
    held.answer([])
    expect(busy).to_have_count(0)
    expect(card(sheet).locator(".acts")).to_be_visible()


TYPED = {"Approve": "", "Edit": "Hold it; check at 48 h.", "Reject": "She is on dialysis."}


@pytest.mark.parametrize(("act", "typed"), TYPED.items(), ids=TYPED)
def test_a_decision_that_is_read_late_is_told_in_an_open_confirmation_and_takes_no_word_from_it(
    sheet: Any, made: Any, act: str, typed: str
) -> None:
    held = sheet.hold("GET", "/decisions")
    sheet.begin(wait=False)
    card(sheet).get_by_role("button", name=act).click()
    box = card(sheet).locator("textarea")
    if typed:
        box.fill(typed)
    held.answer([made("C2", "reject", reason="Not her scan.").model_dump()])
    told = card(sheet).get_by_role("alert")
    expect(told).to_contain_text("This is decided already: Rejected, by Dr Amira Haddad.")
    way = card(sheet).get_by_role("button", name="Show what stands")
    expect(card(sheet).get_by_role("button")).to_have_count(1)
    if typed:
        expect(told).to_contain_text("What you wrote stays here until you leave.")
        expect(box).to_have_value(typed)
        expect(box).not_to_be_editable()
    expect(box if typed else way).to_be_focused()
    way.click()
    expect(card(sheet).locator(".decided")).to_contain_text("Reason: Not her scan.")
    expect(card(sheet).locator(".decided")).to_be_focused()
    assert sheet.script.sent("POST", "/decisions") == []


@pytest.mark.parametrize("where", ["on an act that it replaces", "in a question"])
def test_a_decision_that_is_read_late_takes_the_focus_from_what_it_replaces_and_from_nowhere_else(
    sheet: Any, made: Any, where: str
) -> None:
    held = sheet.hold("GET", "/decisions")
    page = sheet.begin(wait=False)
    question = page.get_by_role("textbox", name="Ask about this evidence")
    question.fill("What of the kid")
    if where == "on an act that it replaces":
        card(sheet).get_by_role("button", name="Edit").focus()
    held.answer([made("C2").model_dump()])
    done = card(sheet).locator(".decided")
    expect(done).to_contain_text("Approved")
    expect(question if where == "in a question" else done).to_be_focused()
    expect(question).to_have_value("What of the kid")


def test_a_list_that_is_older_than_the_persons_own_decision_changes_nothing(sheet: Any, made: Any) -> None:
    held = sheet.hold("GET", "/decisions")
    sheet.begin(wait=False)
    card(sheet).get_by_role("button", name="Approve").click()
    card(sheet).get_by_role("button", name="Approve for").click()
    done = card(sheet).locator(".decided")
    expect(done).to_contain_text("Written to the chart as a draft.")
    held.answer([made("C2", write="pending").model_dump()])
    expect(sheet.page.locator("[aria-busy=true]")).to_have_count(0)
    expect(done).to_contain_text("Written to the chart as a draft.")
    expect(done).to_be_focused()


def test_decisions_that_cannot_be_read_are_told_and_deciding_goes_on(sheet: Any) -> None:
    sheet.script.answers["GET", "/decisions"] = (503, {"title": "The store is busy.", "status": 503, "code": "busy"})
    sheet.begin()
    expect(card(sheet)).to_contain_text("Whether this was decided already could not be read.")
    card(sheet).get_by_role("button", name="Approve").click()
    expect(card(sheet)).not_to_contain_text("could not be read")
    card(sheet).get_by_role("button", name="Approve for").click()
    expect(card(sheet).locator(".decided")).to_contain_text("Approved")


def test_what_is_on_its_way_can_neither_be_taken_back_nor_changed_and_both_again_when_it_failed(sheet: Any) -> None:
    held = sheet.hold("POST", "/decisions")
    page = sheet.begin()
    card(sheet).get_by_role("button", name="Reject").click()
    reason = card(sheet).locator("textarea")
    reason.fill("She is on dialysis.")
    send, cancel = (card(sheet).get_by_role("button", name=name) for name in ("Reject for", "Cancel"))
    send.click()
    expect(cancel).to_be_disabled()
    expect(send).to_be_disabled()
    expect(reason).not_to_be_editable()
    page.keyboard.press("Escape")
    held.answer({"title": "The audit is down.", "status": 503, "code": "audit_down"}, 503)
    expect(card(sheet).get_by_role("alert")).to_contain_text("Whether it was recorded is not known")
    expect(reason).to_be_editable()
    expect(reason).to_have_value("She is on dialysis.")
    expect(send).to_be_focused()
    expect(cancel).to_be_enabled()


def test_a_decision_read_while_another_was_on_its_way_in_vain_is_told_when_that_has_failed(sheet: Any, made: Any) -> None:
    read, sent = sheet.hold("GET", "/decisions"), sheet.hold("POST", "/decisions")
    sheet.begin(wait=False)
    card(sheet).get_by_role("button", name="Approve").click()
    card(sheet).get_by_role("button", name="Approve for").click()
    expect(card(sheet).get_by_role("button", name="Approve for")).to_be_disabled()
    read.answer([made("C2").model_dump()])
    expect(sheet.page.locator("[aria-busy=true]")).to_have_count(0)
    expect(card(sheet).get_by_role("alert")).to_be_empty()
    sent.answer({"title": "The audit is down.", "status": 503, "code": "audit_down"}, 503)
    expect(card(sheet).get_by_role("alert")).to_contain_text("This is decided already: Approved, by Dr Amira Haddad.")
    expect(card(sheet).get_by_role("button", name="Show what stands")).to_be_focused()


def test_a_draft_that_could_not_be_written_is_written_at_the_second_try(sheet: Any, made: Any) -> None:
    sheet.script.decided.append(made("C2", "edit", text="Hold it.", write="failed"))
    sheet.begin()
    card(sheet).get_by_role("button", name="Try writing again").click()
    expect(card(sheet).locator(".decided")).to_contain_text("Written to the chart as a draft.")
    assert {**sheet.script.sent("POST", "/decisions")[0].json(), "shown_sha256": ""} == {
        **{"claim": "C2", "action": "edit", "text": "Hold it.", "shown_sha256": ""},
    }


def test_a_second_try_that_fails_says_why_and_may_be_made_again(sheet: Any, made: Any) -> None:
    sheet.script.decided.append(made("C2", write="failed"))
    sheet.script.answers["POST", "/decisions"] = (503, {"title": "The audit is down.", "status": 503, "code": "audit_down"})
    sheet.begin()
    card(sheet).get_by_role("button", name="Try writing again").click()
    expect(card(sheet).locator(".decided")).to_contain_text("The audit is down. ✓ Approved")
    expect(card(sheet).get_by_role("button", name="Try writing again")).to_be_enabled()


def test_writing_that_is_under_way_is_followed_to_its_end(sheet: Any, made: Any) -> None:
    sheet.script.decided.append(made("C2", write="pending"))
    sheet.begin()
    expect(card(sheet).locator(".decided")).to_contain_text("It is pending.")
    sheet.script.decided[:] = [made("C2")]
    expect(card(sheet).locator(".decided")).to_contain_text("It is written.")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (409, "shown_changed", "The review on the server is not the one shown here. Nothing was decided."),
        (429, "too_many", "The audit is down. Nothing was decided."),
        (503, "audit_down", "Whether it was recorded is not known: send it again, nothing is recorded twice."),
        (500, "flight_record_error", "Whether it was recorded is not known: send it again, nothing is recorded twice."),
    ],
)
def test_what_could_not_be_decided_is_told_and_can_be_tried_again(sheet: Any, status: int, code: str, words: str) -> None:
    sheet.script.answers["POST", "/decisions"] = (status, {"title": "The audit is down.", "status": status, "code": code})
    sheet.begin()
    card(sheet).get_by_role("button", name="Approve").click()
    card(sheet).get_by_role("button", name="Approve for").click()
    expect(card(sheet).get_by_role("alert")).to_contain_text(words)
    expect(card(sheet).get_by_role("button", name="Approve for")).to_be_enabled()


def test_an_answer_that_got_lost_leaves_no_doubt_after_the_second_try(sheet: Any, made: Any) -> None:
    page = sheet.begin()
    page.route("**/decisions", lambda route: route.abort())
    card(sheet).get_by_role("button", name="Approve").click()
    card(sheet).get_by_role("button", name="Approve for").click()
    expect(card(sheet).get_by_role("alert")).to_contain_text("Whether it was recorded is not known")
    page.unroute("**/decisions")
    sheet.script.decided.append(made("C2"))
    card(sheet).get_by_role("button", name="Approve for").click()
    expect(card(sheet).locator(".decided")).to_contain_text("This stands: ✓ Approved")


def test_without_a_person_who_can_decide_there_are_drafts_and_nothing_else(sheet: Any) -> None:
    sheet.script.opened["may_decide"] = False
    page = sheet.begin()
    expect(page.locator(".acts")).to_have_count(0)
    expect(card(sheet)).to_contain_text("The EHR names no person here who could decide.")
    assert sheet.script.sent("GET", "/decisions") == []


def test_a_session_that_is_over_blanks_the_page_at_a_decision(sheet: Any) -> None:
    page = sheet.begin()
    sheet.script.answers["POST", "/decisions"] = (401, {"title": "This session is over.", "status": 401, "code": "session_over"})
    card(sheet).get_by_role("button", name="Approve").click()
    card(sheet).get_by_role("button", name="Approve for").click()
    expect(page.get_by_role("heading", name="This session is over")).to_be_focused()
    assert "Lindqvist" not in json.dumps(page.content())
