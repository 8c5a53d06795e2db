"""Statements with what carries them: cards, policies and what is withheld."""

from __future__ import annotations

from agent.review import Review, ReviewClaim, ReviewPolicy, Withheld
from policies.outcome import Basis
from sidenote.render.layout import ACTION_WORDS, Card
from sidenote.web.wire.view import CardView, CheckView, PolicyView, WithheldView

DECIDED = frozenset({"recommendation", "caution"})
"""Kinds of statement that a person is asked about. What was seen is read, unless it is critical."""


def card_view(card: Card, review: Review) -> CardView:
    """A card of `review`."""
    claim = card.claim
    return CardView(
        claim=claim.id,
        kind=claim.kind,
        tone=card.tone,
        heading=card.heading,
        strength=strength(claim, review),
        text=claim.text,
        evidence=claim.evidence,
        checks=tuple(CheckView(name=check.name, outcome=check.outcome, detail=check.detail) for check in claim.checks),
        policies=tuple(policy_view(policy) for policy in card.policies),
        also=card.also,
        decidable=card.tone == "critical" or claim.kind in DECIDED,
    )


def strength(claim: ReviewClaim, review: Review) -> str:
    """How many checks the statement passed, and of one that rests on a reading, its probability: `reading 0.93 · 4 of 4 checks`."""
    passed = sum(check.outcome == "supported" for check in claim.checks)
    checks = f"{passed} of {len(claim.checks)} checks"
    said = [item.probability for item in review.evidence if item.id in claim.evidence and item.probability is not None]
    return f"reading {min(said):.2f} · {checks}" if said else checks


def policy_view(policy: ReviewPolicy) -> PolicyView:
    """A policy's answer."""
    return PolicyView(
        id=policy.id,
        title=policy.title,
        outcome=policy.outcome,
        action="" if policy.outcome == "clear" else ACTION_WORDS[policy.action],
        message=policy.message,
        source=policy.source,
        evidence=policy.evidence,
        looked_at=tuple(dict.fromkeys(_looked(basis) for basis in policy.basis)),
    )


def _looked(basis: Basis) -> str:
    """The pull as a whole has no resource to name."""
    return basis.detail if basis.reference == "manifest" else f"{basis.detail} ({basis.reference})"


def withheld_view(withheld: Withheld, shown: frozenset[str]) -> WithheldView:
    """A statement that is not shown as one. Of its evidence only what is `shown` can be pointed at."""
    evidence = tuple(identity for identity in withheld.claim.evidence if identity in shown)
    return WithheldView(text=withheld.claim.text, reason=withheld.reason, evidence=evidence)
