"""A card says how strongly it is carried, and asks a person about what can be acted on."""

from __future__ import annotations

import pytest

from agent.graph import Finished
from agent.review import ReviewPolicy, Withheld
from policies.outcome import Basis
from sidenote.render.layout import arrange
from sidenote.web.view.cards import card_view, policy_view, strength, withheld_view


def test_a_statement_that_rests_on_a_reading_names_its_probability(reviews: dict[str, Finished]) -> None:
    review = reviews["tension-ptx"].review
    said = {claim.id: strength(claim, review) for claim in review.claims}
    assert said["C1"] == "reading 0.99 · 11 of 11 checks"
    claim = reviews["metformin-egfr35"].review.claims[0]
    assert strength(claim, reviews["metformin-egfr35"].review) == f"{len(claim.checks)} of {len(claim.checks)} checks"


def test_a_check_that_did_not_pass_is_not_counted_as_passed(reviews: dict[str, Finished]) -> None:
    review = reviews["metformin-egfr35"].review
    claim = review.claims[0]
    failed = claim.model_copy(update={"checks": (claim.checks[0].model_copy(update={"outcome": "cannot_tell"}), *claim.checks[1:])})
    assert strength(failed, review) == f"{len(claim.checks) - 1} of {len(claim.checks)} checks"


def test_what_can_be_acted_on_is_decidable_and_what_was_seen_is_read(reviews: dict[str, Finished]) -> None:
    review = reviews["tension-ptx"].review
    layout = arrange(review)
    asked = {card.claim.kind: card_view(card, review).decidable for card in (*layout.consider, *layout.seen)}
    assert asked == {"recommendation": True, "caution": True, "finding": False}
    assert [card_view(card, review).decidable for card in layout.first] == [True]


@pytest.mark.parametrize(
    ("outcome", "action", "words"),
    [("clear", "block", ""), ("fired", "escalate", "escalates"), ("cannot_tell", "review", "asks for review")],
)
def test_a_policy_says_in_words_what_it_does_and_what_it_looked_at(outcome: str, action: str, words: str) -> None:
    none = Basis(reference="manifest", detail="none of it")
    basis = (Basis(reference="Observation/1", detail="eGFR 35"), none, none)
    given = {"id": "C01", "version": "1", "title": "t", "outcome": outcome, "action": action, "message": "m", "basis": basis}
    view = policy_view(ReviewPolicy.model_validate(given))
    assert view.action == words
    assert view.looked_at == ("eGFR 35 (Observation/1)", "none of it")


def test_withheld_evidence_that_is_not_shown_is_not_pointed_at(reviews: dict[str, Finished]) -> None:
    claim = reviews["metformin-egfr35"].review.claims[0]
    first, *others = claim.evidence
    view = withheld_view(Withheld(claim=claim, reason="grounding: unsupported"), frozenset(others))
    assert (view.evidence, first in view.evidence) == (tuple(others), False)
