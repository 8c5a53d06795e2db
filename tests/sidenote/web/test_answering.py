"""An answer as the sidebar shows it: whose words it is, rows that the page can point at, and nothing to decide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.graph import Finished
from sidenote.web.answering import QUOTED, answered
from sidenote.web.view.whole import view_of


def test_an_answer_says_that_it_quotes_and_repeats_the_review_s_own_cards(reviews: dict[str, Finished]) -> None:
    finished = reviews["metformin-egfr35"]
    view, _ = answered(finished, "Is metformin all right?")
    own = view_of(finished)
    assert view.outcome == "answered"
    assert QUOTED in view.words
    told = {card.claim: card for card in (*own.first, *own.consider, *own.seen)}
    assert view.cards
    assert [card for card in view.cards if card != told[card.claim].model_copy(update={"decidable": False})] == []
    assert {row.ids for row in view.evidence} <= {row.ids for row in own.evidence}


@pytest.mark.parametrize(
    ("patient", "question", "outcome"),
    [
        ("heart-failure", "What is the BNP?", "quoted"),
        ("heart-failure", "Is there a fracture?", "nothing"),
        ("wrong-patient", "Is there a pneumothorax?", "withheld"),
    ],
)
def test_each_outcome_has_its_words(reviews: dict[str, Finished], patient: str, question: str, outcome: str) -> None:
    view, _ = answered(reviews[patient], question)
    assert (view.outcome, view.question, view.cards) == (outcome, question, ())
    assert ("not a no" in view.words, "withholds" in view.words, QUOTED in view.words) == (
        outcome == "nothing",
        outcome == "withheld",
        outcome == "quoted",
    )


def test_what_did_not_come_is_said_with_the_answer(reviews: dict[str, Finished]) -> None:
    finished = reviews["heart-failure"]
    manifest = finished.review.manifest.model_copy(update={"incomplete": ("AllergyIntolerance",)})
    view, _ = answered(replace(finished, review=finished.review.model_copy(update={"manifest": manifest})), "Any allergies?")
    assert "Not available: AllergyIntolerance" in view.words


def test_new_evidence_is_listed_further_on_and_once(reviews: dict[str, Finished]) -> None:
    finished = reviews["metformin-egfr35"]
    own = finished.snapshot.pack.evidence
    few = replace(
        finished,
        snapshot=replace(finished.snapshot, pack=replace(finished.snapshot.pack, evidence=own[:2])),
        review=finished.review.model_copy(update={"evidence": own[:2], "claims": (), "policies": ()}),
    )
    first, further = answered(few, "metformin")
    second, same = answered(few, "metformin", further)
    assert [row.ids for row in first.evidence] == [(item.id,) for item in further] == [row.ids for row in second.evidence]
    assert (further, [row.cited for row in first.evidence]) == (same, [False] * len(further))
    assert further


@pytest.mark.fault(49)
def test_controls_in_a_question_are_spelled_out(reviews: dict[str, Finished]) -> None:
    view, _ = answered(reviews["heart-failure"], "\u202eBNP\x1b[2J <b>?</b>")
    assert view.question == "\\u202eBNP\\u001b[2J <b>?</b>"
