"""What is shown where: critical first, cautions next, findings after, and nothing twice."""

from __future__ import annotations

from agent.review import Review
from sidenote.render.layout import arrange, finding_words, unavailable


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
