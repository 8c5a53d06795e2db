"""What is shown where: critical first, cautions next, findings after, and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

from agent.review import Overflow, Review
from sidenote.render.layout import account, arrange, finding_words, not_fitting, patient_detail, unavailable


def test_what_a_policy_escalates_comes_before_anything_else(review: Review) -> None:
    layout = arrange(review)
    assert [card.claim.id for card in layout.first] == ["C1"]
    assert [card.claim.id for card in layout.consider] == ["C2", "C3"]
    assert layout.seen == ()


def test_a_policy_stands_at_its_claim_or_by_itself_never_twice(review: Review) -> None:
    layout = arrange(review)
    at_claims = [policy.id for cards in (layout.first, layout.consider, layout.seen) for card in cards for policy in card.policies]
    assert sorted(at_claims) == ["C01", "E01"]
    assert [policy.id for policy in layout.elsewhere] == ["D04"]


def test_a_clear_policy_says_nothing(review: Review) -> None:
    layout = arrange(review)
    assert "P02" not in {policy.id for policy in layout.elsewhere}


def test_what_was_refused_is_named_with_its_state(review: Review) -> None:
    assert unavailable(review) == ("Immunization (refused)",)


def test_a_finding_is_named_with_its_side() -> None:
    assert finding_words("pleural_effusion", "left") == "left pleural effusion"
    assert finding_words("cardiomegaly") == "cardiomegaly"


def changed(review: Review, **more: Any) -> Review:
    """The review with some of its fields other than they are, validated anew."""
    return Review.model_validate({**review.model_dump(), **more})


def test_a_fact_of_the_chart_is_headed_as_one(review: Review) -> None:
    context = {**review.claims[1].model_dump(), "id": "C9", "text": "The chart holds Apixaban 5 mg (active).", "kind": "assessment"}
    layout = arrange(changed(review, claims=[{**context, "guidance": "context_anticoagulant", "finding": None, "topic": None}]))
    assert [card.heading for card in layout.seen] == ["In the chart"]


def test_the_account_counts_statements_and_policies_and_names_the_study(review: Review) -> None:
    first, study, *_ = account(review)
    fired = sum(policy.outcome == "fired" for policy in review.policies)
    assert f"of {len(review.policies)} policies clear, {fired} fired" in first
    assert first.endswith("; 3 statements shown.")
    assert study == "Study Chest radiograph AP of 20 Nov 2026: no report of it in the chart, no image."


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"reading_mode": "read"}, "nothing in what came of the chart or the image calls for a statement."),
        ({"reading_mode": "abstained"}, "nothing in what came of the chart calls for a statement; the image was not read."),
        ({"reading_mode": "none"}, "nothing in what came of the chart calls for a statement; no image was available."),
        ({"status": "withheld"}, "; a policy withholds this review."),
    ],
)
def test_a_review_without_a_statement_says_what_it_looked_at_and_no_more(review: Review, more: dict[str, Any], words: str) -> None:
    assert account(changed(review, claims=[], withheld=[], **more))[0].endswith(words)


def test_statements_that_were_withheld_are_not_called_nothing(review: Review) -> None:
    assert "1 statement withheld, each with its reason" in account(changed(review, claims=[]))[0]


def test_no_order_is_said_only_where_orders_were_pulled_whole(review: Review) -> None:
    manifest = review.manifest.model_dump()
    whole = {**manifest, "asked": [*manifest["asked"], {"resource_type": "ServiceRequest", "state": "complete"}]}
    order = {**review.evidence[0].model_dump(), "id": "E99", "kind": "chart_fact", "reference": "ServiceRequest/1"}
    said = [
        any("No open order" in sentence for sentence in account(changed(review, **more)))
        for more in ({"manifest": manifest}, {"manifest": whole}, {"manifest": whole, "evidence": [*review.evidence, order]})
    ]
    assert said == [False, True, False]


def test_an_identifier_is_shown_once(review: Review) -> None:
    twice = changed(review, patient={**review.patient.model_dump(), "identifiers": ["mrn-1", "mrn-1"]})
    assert patient_detail(twice.patient).count("mrn-1") == 1


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"dropped": 2, "newest": "2024-05-01T08:00:00Z"}, "2 of 5 results did not fit into the evidence, the newest of 1 May 2024."),
        ({"dropped": 1, "newest": "2024"}, "1 of 4 results did not fit into the evidence, the newest of 2024."),
        ({"dropped": 7}, "7 of 10 results did not fit into the evidence."),
        (
            {"dropped": 1, "needed": True},
            "1 of 4 results did not fit into the evidence. Something that a review should not be without is among them:"
            " the evidence budget is too small.",
        ),
    ],
)
def test_what_did_not_fit_is_said_with_its_newest_date_and_whether_it_is_missed(over: dict[str, Any], said: str) -> None:
    assert not_fitting(Overflow(tool="results", kept=3, **over)) == said


def test_problems_and_orders_of_the_past_are_not_counted_as_those_of_now(review: Review) -> None:
    item = {"kind": "chart_fact", "text": "x", "sha256": "0" * 64, "patient": "Patient/p"}
    past = [("Condition/c", "resolved"), ("MedicationRequest/m", "stopped"), ("ServiceRequest/s", "completed"), ("Condition/d", "active")]
    evidence = [{**item, "id": f"E{n}", "reference": name, "status": status} for n, (name, status) in enumerate(past, start=1)]
    said = account(changed(review, evidence=evidence, claims=[], withheld=[]))
    assert "Evidence of the record: 1 problem." in said
