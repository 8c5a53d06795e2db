"""From an approved claim to what goes into the EHR: one preliminary resource in the words that the person approved, and its Provenance.

A caution becomes a DetectedIssue, an image finding a RiskAssessment, everything else a Composition: of these a review reads none, so
that no draft of ours can come back as evidence of the chart. What a person has reworded becomes a Composition whatever it was: there
the words of each have their author, and no severity or probability of ours says on what the person took back.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.review import Review, ReviewClaim
from fhir import drafts, written
from fhir.jsontext import dumps
from fhir.models import require_valid
from policies.evidence import Evidence
from sidenote.decisions.decision import Decision, Draft
from sidenote.render.bundle import context_of, issue_of, risk_of
from sidenote.render.layout import KIND_WORDS, NOT_A_DEVICE
from sidenote.render.legible import legible

_OF_THE_CHART = ("chart_fact", "report_sentence")


def draft_of(
    review: Review,
    claim: ReviewClaim,
    decision: Decision,
    *,
    model_card: str | None = None,
    reviewed: Mapping[str, str] | None = None,
) -> Draft:
    """The draft of a decision that is no rejection.

    Args:
        review: That was shown.
        claim: Of the review.
        decision: On that claim. Its words are written, and its person is the one who verified them.
        model_card: SHA-256 of the card of the model that read the images.
        reviewed: See `fhir.written.stand_alone`.

    Raises:
        fhir.errors.DraftInvalid: what was made is not valid R4; nothing is to be written.
    """
    review, claim = legible(review), legible(claim)  # nothing is written that looked otherwise when it was approved
    context, name = context_of(review), f"written-{claim.id}"
    resource = written.stand_alone(context, name, _statement(context, review, claim, decision), reviewed=reviewed)
    inputs, edited = _inputs(review, claim, decision, model_card), decision.action == "edit"
    provenance = written.authorship(context, name, inputs, decision.by, decision.at, reworded=edited)
    for made in (resource, provenance):
        require_valid(made)
    return Draft(review.patient.reference.removeprefix("Patient/"), dumps(resource).decode(), dumps(provenance).decode())


def _statement(context: drafts.DraftContext, review: Review, claim: ReviewClaim, decision: Decision) -> drafts.Resource:
    if decision.action == "edit":
        return _reworded(context, review, claim, decision)
    if claim.kind == "caution":
        return issue_of(context, review, claim.model_copy(update={"text": decision.text}))
    risks = (risk_of(context, review, item) for item in _cited(review, claim) if item.finding == claim.finding)
    risk = next((one for one in risks if one is not None), None)
    if claim.kind == "finding" and risk is not None:
        return {**risk, "note": [{"text": decision.text}]}
    return _composition(context, review, claim, decision)


def _composition(context: drafts.DraftContext, review: Review, claim: ReviewClaim, decision: Decision) -> drafts.Resource:
    return drafts.composition(context, f"Sidenote: {KIND_WORDS[claim.kind].lower()}", _sections(review, claim, decision))


def _reworded(context: drafts.DraftContext, review: Review, claim: ReviewClaim, decision: Decision) -> drafts.Resource:
    """With the person as an author beside the software, and as the only one of their own words."""
    made, person = _composition(context, review, claim, decision), [{"reference": decision.by}]
    words, *rest = made["section"]
    return {**made, "author": [*made["author"], *person], "section": [{**words, "author": person}, *rest]}


def _sections(review: Review, claim: ReviewClaim, decision: Decision) -> list[tuple[str, list[str]]]:
    edited = decision.action == "edit"
    return [
        ("As edited by the person who decided" if edited else "Approved by the person who decided", [decision.text]),
        ("As Sidenote had written it", [claim.text] if edited else []),
        ("Evidence", [f"{item.text} ({item.reference})" for item in _cited(review, claim)]),
        ("Status", [f"Preliminary draft made by software. {NOT_A_DEVICE}."]),
    ]


def _cited(review: Review, claim: ReviewClaim) -> tuple[Evidence, ...]:
    return tuple(item for item in review.evidence if item.id in claim.evidence)


def _inputs(review: Review, claim: ReviewClaim, decision: Decision, model_card: str | None) -> written.Inputs:
    """What the claim rests on: cited facts and reports with their versions, what calculations took, images by their hash."""
    versions = {item.reference: item.version for item in review.evidence if item.kind in _OF_THE_CHART}
    cited = _cited(review, claim)
    references = [item.reference for item in cited if item.kind in _OF_THE_CHART] + [one for item in cited for one in item.based_on]
    images = [item.reference.removeprefix("image:") for item in cited if item.kind == "image_finding"]
    return written.Inputs(
        [(reference, versions.get(reference)) for reference in dict.fromkeys(references)],
        tuple(dict.fromkeys(images)),
        decision.record,
        model_card if images else None,
    )
