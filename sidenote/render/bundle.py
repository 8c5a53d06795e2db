"""A review as a FHIR Bundle of preliminary, AI-labelled drafts."""

from __future__ import annotations

from typing import Literal

from agent.review import Review, ReviewClaim
from fhir import drafts
from policies.evidence import Evidence
from sidenote.render.layout import Card, arrange, plain_status


def as_bundle(review: Review) -> drafts.Resource:
    """The Bundle: Device, Composition, a DetectedIssue a caution, a RiskAssessment an image finding, Provenance.

    A withheld review carries no finding, only that it was withheld and by which policy.

    Raises:
        fhir.errors.DraftInvalid: a draft does not validate against its R4B model.
    """
    context = context_of(review)
    statements = [drafts.composition(context, f"Sidenote review: {plain_status(review)}", _sections(review))]
    statements += [issue_of(context, review, claim) for claim in review.claims if claim.kind == "caution"]
    statements += _image_findings(context, review)
    facts = tuple(
        dict.fromkeys((item.reference, item.version) for item in review.evidence if item.kind in ("chart_fact", "report_sentence"))
    )
    images = [image.sha256 for image in review.study.images] if review.study else []
    targets = [f"urn:uuid:{resource['id']}" for resource in statements]
    return drafts.bundle(context, [drafts.device(context), *statements, drafts.provenance(context, targets, facts, images)])


def _sections(review: Review) -> list[tuple[str, list[str]]]:
    layout = arrange(review)
    policies = [f"{policy.id}: {policy.message}" for policy in review.policies if policy.outcome == "fired"]
    evidence = [f"{item.id}: {item.text} ({item.reference})" for item in review.evidence]
    return [
        ("Before anything else", _lines(layout.first)),
        ("Consider", _lines(layout.consider)),
        ("What was seen", _lines(layout.seen)),
        ("Policies", policies),
        ("Evidence", evidence if review.claims else []),
        ("Status", [f"This review is {plain_status(review)}. Research software, not a medical device."]),
    ]


def _lines(cards: tuple[Card, ...]) -> list[str]:
    return [f"{card.claim.text} [{', '.join(card.claim.evidence)}]" for card in cards]


def issue_of(context: drafts.DraftContext, review: Review, claim: ReviewClaim) -> drafts.Resource:
    """A caution of the review as a DetectedIssue, as severe as what the policies that speak of it do."""
    actions = {policy.action for policy in review.policies if policy.outcome == "fired" and claim.id in policy.claims}
    severity: Literal["high", "moderate", "low"] = (
        "high" if actions & {"block", "escalate"} else "moderate" if "review" in actions else "low"
    )
    cited = [item.reference for item in review.evidence if item.id in claim.evidence and item.kind == "chart_fact"]
    return drafts.detected_issue(context, claim.id, claim.text, severity=severity, evidence=cited)


def _image_findings(context: drafts.DraftContext, review: Review) -> list[drafts.Resource]:
    shown = {claim.finding for claim in review.claims}
    made = (risk_of(context, review, item) for item in review.evidence if item.finding in shown)
    return [risk for risk in made if risk is not None]


def risk_of(context: drafts.DraftContext, review: Review, item: Evidence) -> drafts.Resource | None:
    """An image finding with a probability as a RiskAssessment; None for other evidence."""
    if item.kind != "image_finding" or not item.finding or item.probability is None:
        return None
    basis = [review.study.reference] if review.study and review.study.reference else []
    return drafts.risk_assessment(context, item.finding, item.probability, side=item.side, basis=basis)


def context_of(review: Review) -> drafts.DraftContext:
    """What every draft of the review shares."""
    version = review.versions.sidenote if review.reading is None else f"{review.versions.sidenote} ({review.versions.model})"
    return drafts.DraftContext(review.review_id, review.patient.reference, review.as_of, version)
