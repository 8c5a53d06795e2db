"""A finished review as the sidebar shows it: in reading order, in words, every sentence with the ids of its evidence."""

from __future__ import annotations

from typing import Literal

from policies.evidence import EvidenceKind, Frozen, Polarity, Region

Tone = Literal["critical", "caution", "plain", "accent"]
Outcome = Literal["fired", "clear", "cannot_tell"]


class PatientView(Frozen):
    """Whose review this is (App Launch `need_patient_banner`: name, birth date, sex, identifier)."""

    name: str
    detail: str
    """Sex, age, birth date and identifier in one line."""


class CheckView(Frozen):
    """One check of a sentence against its evidence."""

    name: str
    outcome: Literal["supported", "contradicted", "unsupported", "cannot_tell"]
    detail: str


class PolicyView(Frozen):
    """A policy's answer in words."""

    id: str
    title: str
    outcome: Outcome
    action: str
    """What it does, in words, e.g. `asks for review`."""
    message: str
    source: str
    evidence: tuple[str, ...]
    looked_at: tuple[str, ...]
    """What it looked at to answer, in words."""


class CardView(Frozen):
    """One sentence that may be considered, with all that carries it."""

    claim: str
    """Id of the claim, e.g. `C2`."""
    kind: Literal["finding", "assessment", "recommendation", "caution"]
    tone: Tone
    heading: str
    strength: str
    """How strongly it is carried, in words, e.g. `4 of 4 checks` or `reading 0.93`."""
    text: str
    evidence: tuple[str, ...]
    checks: tuple[CheckView, ...]
    policies: tuple[PolicyView, ...]
    also: tuple[str, ...]
    """Ids of policies that speak of it too and stand at an earlier card."""
    decidable: bool
    """Whether a person is asked to approve, edit or reject it."""


class WithheldView(Frozen):
    """A sentence that is not shown as one, and why."""

    text: str
    reason: str
    evidence: tuple[str, ...]


class EvidenceView(Frozen):
    """One text of one source, with every number that the run gave it."""

    ids: tuple[str, ...]
    kind: EvidenceKind
    label: str
    """What kind of thing it is, in a word, e.g. `chart`, `report`."""
    text: str
    reference: str
    """Where it stands: a FHIR reference, or `image:`, `case:`, `guidance:`, `calculation:`."""
    where: str
    """The same, short enough to read."""
    when: str
    """Its date as a person writes it; empty without one."""
    status: str
    """Its FHIR status; empty without one."""
    quotes: tuple[tuple[str, str], ...]
    """(element, original text) of what it was built from."""
    based_on: tuple[str, ...]
    region: Region | None = None
    image: str | None = None
    """SHA-256 of the image it lies in, for image findings."""
    cited_by: tuple[str, ...]
    """Ids of the claims that cite it."""
    cited: bool


class SayView(Frozen):
    """What one voice says of a finding: a mark that does not rely on colour, and the words for it."""

    mark: str
    words: str
    polarity: Polarity | None = None
    evidence: tuple[str, ...]


class VoiceView(Frozen):
    """One row of the four voices."""

    finding: str
    chart: SayView
    report: SayView
    reading: SayView
    cases: SayView
    discordant: bool


class BoxView(Frozen):
    """A finding's box on an image, in fractions of its width and height."""

    finding: str
    evidence: tuple[str, ...]
    region: Region


class HeatView(Frozen):
    """A finding's heat map over the whole image: rows of values 0..1."""

    finding: str
    evidence: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


class ImageView(Frozen):
    """One image of the study. Its pixels are at /api/reviews/ID/images/SHA256 (see `sidenote.web.images`)."""

    sha256: str
    rows: int
    """Of the pixels that are sent, which may be fewer than the file has."""
    columns: int
    view: str
    """DICOM ViewPosition, or empty."""
    notes: tuple[str, ...]
    frontal: bool
    """Whether it is the one that was read."""
    boxes: tuple[BoxView, ...]
    heat_maps: tuple[HeatView, ...]


class PriorView(Frozen):
    """An earlier study to compare with. Its images are at /api/reviews/ID/priors/NUMBER, fetched when asked for."""

    number: int
    description: str
    when: str
    modality: str


class StudyView(Frozen):
    """The study under review."""

    description: str
    when: str
    modality: str
    reference: str
    identity: Literal["match", "mismatch", "unknown", "none"]
    identity_words: str
    images: tuple[ImageView, ...]
    priors: tuple[PriorView, ...]


class SentenceView(Frozen):
    """One sentence of what the image model said, in its own words."""

    text: str
    evidence: tuple[str, ...]
    """The findings of the image it speaks of."""
    source: str
    """Of a drafted sentence: whose words it took, in words; else empty."""


class ChangeView(Frozen):
    """Findings that changed in one way since the image before."""

    change: Literal["new", "resolved", "unchanged", "larger", "smaller", "undecided"]
    words: str
    findings: str
    evidence: tuple[str, ...]


class ComparisonView(Frozen):
    """What the image model sees changed. `since` is a heading, and `nothing` a sentence where nothing changed."""

    since: str
    changed: tuple[ChangeView, ...]
    nothing: str


class ReadingView(Frozen):
    """What the image model said, or why it said nothing."""

    mode: Literal["read", "abstained", "off", "refused", "withheld", "none"]
    words: str
    model: str
    """Name and version; empty without a reading."""
    reason: str
    narrative: tuple[SentenceView, ...]
    disagreements: tuple[str, ...]
    """Where its own words and a report's are opposite and the table of voices does not show it, in sentences."""
    comparison: ComparisonView | None
    """None when no earlier image was read."""
    trust: tuple[str, ...]
    """What was looked at, what limits it, and how far the answer hung on the image, in sentences."""


class CaseView(Frozen):
    """A past case of somebody else."""

    number: int
    """1, 2 … in order of distance."""
    evidence: tuple[str, ...]
    findings: tuple[str, ...]
    distance: float
    about: str
    """View, age band, sex and date in one line."""
    shared: tuple[str, ...]
    differs: tuple[str, ...]
    outcome: str
    report: str
    licence: str
    thumbnail_png: str
    """Base64; empty without one."""


class SimilarView(Frozen):
    """How the case library was asked, and what it said."""

    comparable: bool
    words: str
    """E.g. `5 of 2,412 comparable`, or why there are none."""
    detail: str
    """Up to where a case counts as comparable; empty where that is not known."""
    method: tuple[str, ...]
    """What was searched, what was left out and how, in sentences."""
    notice: str
    """Why an older index answered; empty when the one in use did."""
    cases: tuple[CaseView, ...]


class MissingView(Frozen):
    """What was not available, and what that means."""

    unavailable: tuple[str, ...]
    not_fitting: tuple[str, ...]
    notes: tuple[str, ...]
    quality: tuple[str, ...]


class VersionsView(Frozen):
    """What answered."""

    sidenote: str
    model: str
    index: str
    rules: str
    guidance: str
    composer: str


class ReviewView(Frozen):
    """A finished review. The bytes of this very text are what a decision is bound to."""

    review_id: str
    status: Literal["presented", "needs_review", "withheld", "abstained"]
    status_words: str
    as_of: str
    as_of_words: str
    account: tuple[str, ...]
    """What was looked at and how it ended, in sentences; the first says how it ended."""
    patient: PatientView
    study: StudyView | None = None
    first: tuple[CardView, ...]
    consider: tuple[CardView, ...]
    seen: tuple[CardView, ...]
    elsewhere: tuple[PolicyView, ...]
    withheld: tuple[WithheldView, ...]
    policies: tuple[PolicyView, ...]
    voices: tuple[VoiceView, ...]
    reading: ReadingView
    similar: SimilarView | None = None
    evidence: tuple[EvidenceView, ...]
    missing: MissingView
    versions: VersionsView
    record: str
    """Hash of the sealed flight record's last line."""
    not_a_device: str
    ai_label: str
    """`AI-generated, not yet reviewed` and the like."""
