"""Every story of the pretend hospital as the sidebar shows it: whole, in words, and every pointer lands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.graph import Finished
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK
from sidenote.render.layout import STATUS_WORDS
from sidenote.web.view.whole import banner_of, view_of
from sidenote.web.wire.view import CardView, ReviewView

each_story = pytest.mark.parametrize("patient", [story.person.id for story in stories()])


def cards(view: ReviewView) -> tuple[CardView, ...]:
    return (*view.first, *view.consider, *view.seen)


@each_story
def test_every_statement_and_every_policy_is_told_once(reviews: dict[str, Finished], patient: str) -> None:
    review, view = reviews[patient].review, view_of(reviews[patient])
    assert sorted(card.claim for card in cards(view)) == sorted(claim.id for claim in review.claims)
    assert [policy.id for policy in view.policies] == [policy.id for policy in review.policies]
    fired = [policy.id for policy in review.policies if policy.outcome == "fired"]
    assert sorted([each.id for card in cards(view) for each in card.policies] + [each.id for each in view.elsewhere]) == sorted(fired)
    assert view.status_words == STATUS_WORDS[review.status]
    assert view.record == reviews[patient].head


@each_story
def test_every_number_that_is_pointed_at_stands_in_one_row_of_the_evidence(reviews: dict[str, Finished], patient: str) -> None:
    view = view_of(reviews[patient])
    listed = [identity for row in view.evidence for identity in row.ids]
    assert len(listed) == len(set(listed))
    pointers = [card.evidence for card in cards(view)]
    pointers += [policy.evidence for policy in view.policies]
    pointers += [each.evidence for each in view.withheld]
    pointers += [say.evidence for voice in view.voices for say in (voice.chart, voice.report, voice.reading, voice.cases)]
    images = view.study.images if view.study else ()
    pointers += [box.evidence for image in images for box in image.boxes]
    pointers += [heat.evidence for image in images for heat in image.heat_maps]
    pointers += [case.evidence for case in (view.similar.cases if view.similar else ())]
    pointers += [said.evidence for said in view.reading.narrative]
    pointers += [one.evidence for one in (view.reading.comparison.changed if view.reading.comparison else ())]
    assert {identity for pointer in pointers for identity in pointer} <= set(listed)


@each_story
def test_a_view_is_the_same_each_time_and_survives_its_own_json(reviews: dict[str, Finished], patient: str) -> None:
    view = view_of(reviews[patient])
    assert view_of(reviews[patient]) == view
    assert ReviewView.model_validate_json(view.model_dump_json()) == view


def test_a_withheld_review_shows_no_statement_image_or_case(reviews: dict[str, Finished]) -> None:
    view = view_of(reviews["wrong-patient"])
    assert (view.status, cards(view), view.similar) == ("withheld", (), None)
    assert view.study is not None
    assert (view.study.images, view.study.priors) == ((), ())


def test_the_banner_is_the_view_s_own_patient_before_there_is_a_view(reviews: dict[str, Finished]) -> None:
    finished = reviews["tension-ptx"]
    banner = banner_of(finished.snapshot.chart, CLOCK)
    assert banner == view_of(finished).patient
    assert (banner.name, "SPH-004301" in banner.detail) == ("Erik Larsen", True)


@pytest.mark.fault(49)
def test_what_would_turn_the_direction_of_a_page_is_spelled_out(reviews: dict[str, Finished]) -> None:
    finished = reviews["tension-ptx"]
    odd = finished.review.model_copy(update={"patient": finished.review.patient.model_copy(update={"name": "Ed\u202eward \x1b[2J"})})
    assert view_of(replace(finished, review=odd)).patient.name == "Ed\\u202eward \\u001b[2J"


def test_what_was_not_available_stands_there_in_words(reviews: dict[str, Finished]) -> None:
    finished = reviews["tension-ptx"]
    manifest = finished.review.manifest.model_copy(update={"incomplete": ("Immunization",), "notes": ("a note",)})
    missing = view_of(replace(finished, review=finished.review.model_copy(update={"manifest": manifest}))).missing
    assert (missing.unavailable, missing.notes) == (("Immunization (not asked)",), ("a note",))
