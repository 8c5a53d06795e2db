"""present: the review as a door renders it. Nothing is decided here: what was decided is put in its place."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from agent.disagreements import disagreements
from agent.identity import review_patient
from agent.nodes.gather import Pack
from agent.nodes.guard import Guarded
from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.nodes.study import Facts, PriorFacts, SeenImage
from agent.request import ReviewRequest
from agent.review import (
    Pull,
    Quality,
    Review,
    ReviewClaim,
    ReviewIdentity,
    ReviewImage,
    ReviewManifest,
    ReviewPolicy,
    ReviewPrior,
    ReviewStudy,
    Search,
    SimilarCase,
    Versions,
    Withheld,
)
from agent.voices import voices
from fhir.chart import Chart, Manifest
from fhir.study import Study
from policies.claim import Claim, Verdict
from policies.evidence import Evidence
from policies.outcome import PolicyOutcome
from retrieval.cards import Neighbour, SearchResult
from retrieval.finding_words import told

REDACTED = "A statement that a policy does not let through."


@dataclass(frozen=True)
class Findings:
    """Everything the steps before found out."""

    chart: Chart
    study: Study | None
    facts: Facts
    read: Read
    retrieved: Retrieved
    pack: Pack
    claims: tuple[Claim, ...]
    verdicts: tuple[Verdict, ...]
    guarded: Guarded
    versions: Versions


def present(request: ReviewRequest, found: Findings) -> Review:
    """The finished review, without timings."""
    claims = _claims(found.claims, found.verdicts)
    search = found.retrieved.search
    withheld = withheld_by(found)
    evidence = _shown_evidence(found, without_image=bool(withheld))
    comparable = search is not None and search.comparable and found.guarded.status != "withheld"
    rows = () if found.guarded.status == "withheld" else voices(evidence, found.study, search)
    reading = None if withheld else found.read.reading
    silent = withheld or found.guarded.status == "withheld"
    return Review(
        review_id=request.review_id,
        status=found.guarded.status,
        patient=review_patient(found.chart, request.as_of),
        study=_study(found.study, found.facts),
        as_of=request.as_of.isoformat(),
        question=request.question,
        evidence=evidence,
        claims=tuple(claim for claim in claims if claim.id in found.guarded.shown),
        withheld=_withheld(claims, found.guarded, hidden=_kept_back(found, without_image=bool(withheld))),
        policies=tuple(_policy(outcome, evidence) for outcome in found.guarded.outcomes),
        similar_cases=tuple(_similar(neighbour) for neighbour in search.neighbours) if search and comparable else (),
        search=_search(search, found.retrieved.only) if search else None,
        reading=reading,
        reading_mode="withheld" if withheld else found.read.facts.mode if found.read.facts else "none",
        voices=rows,
        disagreements=() if silent else disagreements(found.chart, found.study, reading, evidence, rows),
        manifest=_manifest(request, found),
        versions=found.versions,
    )


def _shown_evidence(found: Findings, *, without_image: bool) -> tuple[Evidence, ...]:
    """The evidence a reader gets. Of a withheld review it is what the policies looked at, and nothing besides."""
    if found.guarded.status == "withheld":
        looked_at = {basis.reference for outcome in found.guarded.outcomes if outcome.outcome != "clear" for basis in outcome.basis}
        return tuple(item for item in found.pack.evidence if item.reference in looked_at and item.kind != "image_finding")
    return tuple(item for item in found.pack.evidence if not (without_image and item.kind == "image_finding"))


def withheld_by(found: Findings) -> str:
    """The policy that keeps what the model read off the page, or an empty string. That a model abstained is never kept back."""
    if found.read.reading is None or found.read.reading.abstained:
        return ""
    blocks = (o.id for o in found.guarded.outcomes if o.outcome != "clear" and o.action == "block" and o.scope in {"image", "review"})
    return next(blocks, "")


def _study(study: Study | None, facts: Facts) -> ReviewStudy | None:
    images, identity = tuple(map(_image, facts.images)), _identity(facts)
    if study is None:
        return ReviewStudy(reference="", images=images, identity=identity) if images else None
    return ReviewStudy(
        reference=study.reference,
        description=study.description,
        started=study.started.text if study.started else None,
        modality=study.modality,
        body_part=study.body_part,
        reports=study.reports,
        images=images,
        identity=identity,
        prior=_prior(facts.prior),
    )


def _identity(facts: Facts) -> ReviewIdentity | None:
    return ReviewIdentity(outcome=facts.identity.outcome, fields=facts.identity.fields) if facts.identity else None


def _prior(facts: PriorFacts | None) -> ReviewPrior | None:
    if facts is None or not facts.seen.images:
        return None
    seen = facts.seen
    return ReviewPrior(reference=seen.study or "", started=facts.started, images=tuple(map(_image, seen.images)), identity=_identity(seen))


def _image(image: SeenImage) -> ReviewImage:
    return ReviewImage(sha256=image.sha256, kind=image.kind, rows=image.rows, columns=image.columns, view=image.view, notes=image.notes)


def _claims(claims: tuple[Claim, ...], verdicts: tuple[Verdict, ...]) -> tuple[ReviewClaim, ...]:
    by_claim = {verdict.claim: verdict for verdict in verdicts}
    return tuple(
        ReviewClaim(**claim.model_dump(), verdict=by_claim[claim.id].outcome, checks=by_claim[claim.id].checks) for claim in claims
    )


def _kept_back(found: Findings, *, without_image: bool) -> frozenset[str]:
    """Claims of which no word is told: all of a withheld review, and those that rest on an image whose reading is withheld."""
    images = {item.id for item in found.pack.evidence if item.kind == "image_finding"} if without_image else set()
    whole = found.guarded.status == "withheld"
    return frozenset(claim.id for claim in found.claims if whole or images.intersection(claim.evidence))


def _withheld(claims: tuple[ReviewClaim, ...], guarded: Guarded, *, hidden: frozenset[str]) -> tuple[Withheld, ...]:
    held = [claim for claim in claims if claim.id not in guarded.shown]
    return tuple(Withheld(claim=_told(claim, hidden), reason=_reason(claim, guarded, hidden)) for claim in held)


def _told(claim: ReviewClaim, hidden: frozenset[str]) -> ReviewClaim:
    """What is told of a withheld claim: all of it when its evidence does not carry it, else its kind and evidence alone.

    What a policy does not let through as a statement is not let through as a withheld one either.
    """
    if claim.verdict != "supported" and claim.id not in hidden:
        return claim
    return claim.model_copy(update={"text": REDACTED, "polarity": "uncertain", "finding": None, "side": None, "topic": None, "checks": ()})


def _reason(claim: ReviewClaim, guarded: Guarded, hidden: frozenset[str]) -> str:
    if claim.verdict != "supported":
        failed = next((check for check in claim.checks if check.outcome == claim.verdict), None)
        said = f"{failed.name}: {failed.detail}" if failed and claim.id not in hidden else failed.name if failed else ""
        return f"grounding: {claim.verdict}" + (f": {said}" if said else "")
    policy = dict(guarded.taken).get(claim.id, "")
    message = next((outcome.message for outcome in guarded.outcomes if outcome.id == policy), "")
    return f"policy: {policy}: {message}" if policy else "policy: nothing may be shown"


def _policy(outcome: PolicyOutcome, evidence: tuple[Evidence, ...]) -> ReviewPolicy:
    references = {basis.reference for basis in outcome.basis}
    return ReviewPolicy(**outcome.model_dump(), evidence=tuple(item.id for item in evidence if item.reference in references))


def _search(result: SearchResult, only: tuple[str, ...]) -> Search:
    return Search(
        comparable=result.comparable,
        reason=result.reason,
        searched=result.searched,
        excluded=result.excluded,
        plan=result.plan,
        plan_reason=result.plan_reason,
        threshold=result.threshold,
        coverage=result.coverage,
        only=only,
        notice=result.notice,
    )


def _similar(neighbour: Neighbour) -> SimilarCase:
    card = neighbour.card
    return SimilarCase(
        key=card.key,
        as_of=card.year,
        modality=card.modality,
        view=card.view,
        age_band=card.age_band,
        sex=card.sex,
        findings=tuple((finding.key, finding.side) for finding in card.findings),
        report=card.report,
        distance=round(neighbour.distance, 2),
        shared=neighbour.shared,
        differs=neighbour.differs,
        outcome=card.outcome,
        licence=card.licence,
        thumbnail_png=base64.b64encode(card.thumbnail_png).decode(),
        stated=tuple(map(told, card.findings)),
    )


def _manifest(request: ReviewRequest, found: Findings) -> ReviewManifest:
    manifest = found.chart.manifest
    return ReviewManifest(
        source=manifest.source,
        asked=tuple(_pull(name, state, manifest) for name, state in manifest.pulled),
        resources=manifest.resources,
        incomplete=manifest.incomplete,
        notes=tuple(_notes(request, found)),
        quality=_quality(found),
        overflow=found.pack.overflow,
        pack=found.pack.summary,
    )


def _pull(resource_type: str, state: str, manifest: Manifest) -> Pull:
    asked = next((one for one in manifest.asked if one.resource_type == resource_type), None)
    if asked is None:
        return Pull(resource_type=resource_type, state=state)
    return Pull(
        resource_type=resource_type,
        state=state,
        how=asked.how,
        got=asked.got,
        total=asked.total,
        since=asked.since,
        reason=asked.reason or (None if state == asked.state else "some of it is of nobody that can be told"),
    )


def _quality(found: Findings) -> tuple[Quality, ...]:
    """What is wrong with facts of the chart, and with what claims cite: cited resources are validated against R4B here.

    The Patient is always among them: every rule about age or sex rests on it.
    """
    from fhir.models import quality_of

    cited = {identity for claim in found.claims for identity in claim.evidence}
    references = frozenset(item.reference for item in found.pack.evidence if item.id in cited) | {found.chart.patient.reference}
    return tuple(Quality(reference=issue.reference, code=issue.code, detail=issue.detail) for issue in quality_of(found.chart, references))


def _notes(request: ReviewRequest, found: Findings) -> list[str]:
    notes = [*found.chart.manifest.notes, *found.facts.notes]
    notes += [f"an image was left out: {code}" for code in found.facts.refused]
    if found.facts.prior is not None:
        notes += [f"an image of the study before was left out: {code}" for code in found.facts.prior.seen.refused]
    if withheld := withheld_by(found):
        notes.append(f"what the image model read is withheld by policy {withheld}")
    if found.read.facts is None:
        notes.append("no image was available to read")
    elif found.read.facts.mode != "read":
        notes.append(f"no reading of the image: {found.read.facts.reason}")
    if found.retrieved.note:
        notes.append(found.retrieved.note)
    if found.retrieved.search is not None and not found.retrieved.search.comparable:
        notes.append(found.retrieved.search.reason)
    notes += [f"{reference} has an attachment whose text could not be read" for reference in found.pack.unread]
    if request.question is not None and found.versions.composer.startswith("deterministic"):
        notes.append("the question was recorded; the deterministic composer does not answer questions")
    return notes
