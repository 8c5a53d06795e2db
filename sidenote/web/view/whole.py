"""The whole review as the sidebar shows it."""

from __future__ import annotations

from datetime import datetime

from agent.graph import Finished
from agent.identity import review_patient
from agent.review import Review, ReviewPatient, Versions
from fhir.chart import Chart
from sidenote.render.layout import (
    AI_LABEL,
    NOT_A_DEVICE,
    arrange,
    moment,
    not_fitting,
    patient_detail,
    plain_status,
    short_version,
    unavailable,
)
from sidenote.render.legible import legible
from sidenote.render.reading import Compared, comparison, disagreement_words, narrative, reading_words, trust_words
from sidenote.web.view.cards import card_view, policy_view, withheld_view
from sidenote.web.view.evidence import evidence_views
from sidenote.web.view.similar import similar_view
from sidenote.web.view.study import study_view
from sidenote.web.view.voices import voice_views
from sidenote.web.wire.view import (
    ChangeView,
    ComparisonView,
    MissingView,
    PatientView,
    ReadingView,
    ReviewView,
    SentenceView,
    VersionsView,
)


def view_of(finished: Finished) -> ReviewView:
    """What is shown of `finished`: a function of it alone. Takes milliseconds and more for a large chart; call it in a thread."""
    review = legible(finished.review)
    layout = arrange(review)
    shown = frozenset(item.id for item in review.evidence)
    return ReviewView(
        review_id=review.review_id,
        status=review.status,
        status_words=plain_status(review),
        as_of=review.as_of,
        as_of_words=moment(review.as_of),
        account=layout.account,
        patient=_patient(review.patient),
        study=study_view(review, finished),
        first=tuple(card_view(card, review) for card in layout.first),
        consider=tuple(card_view(card, review) for card in layout.consider),
        seen=tuple(card_view(card, review) for card in layout.seen),
        elsewhere=tuple(policy_view(policy) for policy in layout.elsewhere),
        withheld=tuple(withheld_view(each, shown) for each in review.withheld),
        policies=tuple(policy_view(policy) for policy in review.policies),
        voices=voice_views(review),
        reading=_reading(review),
        similar=similar_view(review),
        evidence=evidence_views(review),
        missing=_missing(review),
        versions=_versions(review.versions),
        record=finished.head,
        not_a_device=NOT_A_DEVICE,
        ai_label=AI_LABEL,
    )


def banner_of(chart: Chart, as_of: datetime) -> PatientView:
    """Whose chart it is, before anything else is known of it."""
    return _patient(legible(review_patient(chart, as_of)))


def _patient(patient: ReviewPatient) -> PatientView:
    return PatientView(name=patient.name or patient.reference, detail=patient_detail(patient))


def _reading(review: Review) -> ReadingView:
    reading = review.reading
    return ReadingView(
        mode=review.reading_mode,
        words=reading_words(review),
        model=reading.model if reading else "",
        reason=reading.reason if reading else "",
        narrative=tuple(SentenceView(text=said.text, evidence=said.evidence, source=said.source) for said in narrative(review)),
        disagreements=disagreement_words(review),
        comparison=_comparison(comparison(review)),
        trust=trust_words(review),
    )


def _comparison(compared: Compared | None) -> ComparisonView | None:
    if compared is None:
        return None
    changed = tuple(
        ChangeView(change=one.change, words=one.words, findings=one.findings, evidence=one.evidence) for one in compared.changed
    )
    return ComparisonView(since=compared.since, changed=changed, nothing=compared.nothing)


def _missing(review: Review) -> MissingView:
    manifest = review.manifest
    return MissingView(
        unavailable=unavailable(review),
        not_fitting=tuple(not_fitting(over) for over in manifest.overflow),
        notes=manifest.notes,
        quality=tuple(f"{each.reference}: {each.detail}" for each in manifest.quality),
    )


def _versions(versions: Versions) -> VersionsView:
    return VersionsView(
        sidenote=versions.sidenote,
        model=short_version(versions.model),
        index=short_version(versions.index),
        rules=short_version(versions.rules),
        guidance=short_version(versions.guidance),
        composer=versions.composer,
    )
