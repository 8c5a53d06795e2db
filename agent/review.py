"""A finished review: the published JSON contract (`sidenote review --format json`; JSON Schema in docs/review.schema.json).

Everything but `review_id` and `timings` is a function of the snapshot, the request and the versions.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from fhir.codes import Side
from fhir.study import Outcome
from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence, Frozen, Polarity
from policies.outcome import PolicyOutcome, Status
from tools.med_vlm.reading import Reading

ReadingMode = Literal["read", "abstained", "off", "refused", "withheld", "none"]


class ReviewPatient(Frozen):
    """The bound patient, as far as a reader needs it."""

    reference: str
    age: int | None
    """Completed years at `as_of`; None when the birth date does not tell."""
    sex: str | None
    """`Patient.gender`: administrative, as the record gives it."""
    name: str | None = None
    """The official name, else the first, as the record writes it."""
    birth_date: str | None = None
    identifiers: tuple[str, ...] = ()
    """Values of the identifiers in use. With name and birth date a reader can tell whose review this is."""


class ReviewImage(Frozen):
    """One image that was decoded."""

    sha256: str
    """Of the file as received."""
    kind: str
    rows: int
    columns: int
    view: str | None = None
    """DICOM ViewPosition, where the file says it."""
    notes: tuple[str, ...] = ()


class ReviewIdentity(Frozen):
    """Whether the image belongs to the patient: what was compared, never the values."""

    outcome: Outcome
    fields: tuple[tuple[str, Outcome], ...]


class ReviewStudy(Frozen):
    """The focal study."""

    reference: str
    """Empty when images were named and the chart has no study."""
    description: str | None = None
    started: str | None = None
    modality: tuple[str, ...] = ()
    body_part: str | None = None
    reports: tuple[str, ...] = ()
    images: tuple[ReviewImage, ...] = ()
    identity: ReviewIdentity | None = None
    prior: ReviewPrior | None = None
    """The study before, whose image was looked at too."""


class ReviewPrior(Frozen):
    """The newest comparable study before the focal one."""

    reference: str
    started: str | None = None
    images: tuple[ReviewImage, ...] = ()
    identity: ReviewIdentity | None = None


class ReviewClaim(Claim):
    """A claim that grounding supports and no policy took away."""

    verdict: VerdictOutcome
    checks: tuple[Check, ...]


class Withheld(Frozen):
    """A claim that is not shown as a claim, and why."""

    claim: ReviewClaim
    reason: str
    """`grounding: <check>` or `policy: <id>`, with the words of the check or policy."""


class ReviewPolicy(PolicyOutcome):
    """A policy's answer, with the numbered evidence among what it looked at."""

    evidence: tuple[str, ...] = ()


class SimilarCase(Frozen):
    """A past case that is comparable. It never carries a claim about this patient alone."""

    key: str
    as_of: str
    """Year of the study; in reviews of earlier versions its day."""
    modality: str
    view: str
    age_band: str
    sex: str
    findings: tuple[tuple[str, Side | None], ...]
    """(key, side). Keys beyond the vocabulary are names: what an archive or its labeler wrote."""
    report: str
    distance: float
    shared: tuple[str, ...]
    differs: tuple[str, ...]
    outcome: str | None
    licence: str
    thumbnail_png: str
    """Base64; empty when there is none."""
    stated: tuple[str, ...] = ()
    """What the case states, in words with side and place; empty in reviews from before places were told."""


class Search(Frozen):
    """How the case library was asked and what it said, with or without neighbours."""

    comparable: bool
    reason: str
    searched: int
    excluded: tuple[tuple[str, int], ...]
    plan: str
    plan_reason: str
    threshold: float
    coverage: float
    only: tuple[str, ...] = ()
    """What was searched at all, e.g. `modality CR or DX`; empty when all of the library was."""
    notice: str = ""
    """Why an older index answered; empty when the one in use did."""


class Say(Frozen):
    """What one voice says of a finding. `count` and `of` are for the neighbours only."""

    polarity: Polarity | None = None
    """None: it says nothing of this finding."""
    sides: tuple[Side, ...] = ()
    evidence: tuple[str, ...] = ()
    count: int | None = None
    of: int | None = None


class Disagreement(Frozen):
    """The image model's own words against a report's, on a finding that the table of voices does not show as discordant."""

    finding: str
    report: str
    """The report's sentence."""
    model: str
    """The model's sentence, or what it reads, in words."""
    evidence: tuple[str, ...]


class Voice(Frozen):
    """One row of the table of four voices: the same finding in the chart, the report, the reading and the neighbours."""

    finding: str
    chart: Say
    report: Say
    reading: Say
    neighbours: Say
    discordant: bool
    """Whether chart, report and reading disagree on presence or side. Neighbours are other people: they never make discord."""


class Pull(Frozen):
    """How the pull of one resource type ended, and of a server, how it was asked and what came."""

    resource_type: str
    state: str
    how: str | None = None
    """search, everything or read; None for a file."""
    got: int | None = None
    total: int | None = None
    """How many the server says there are, when it says so."""
    since: str | None = None
    """Nothing older was asked for."""
    reason: str | None = None
    """Why it is not complete."""


class Quality(Frozen):
    """Something wrong with a fact that was kept all the same."""

    reference: str
    code: str
    detail: str


class Overflow(Frozen):
    """Items a tool found that did not fit into the evidence pack."""

    tool: str
    kept: int
    dropped: int
    newest: str | None = None
    """Date of the newest item that did not fit, as the record gives it."""
    needed: bool = False
    """Whether something a review should not be without is among what did not fit: the budget is too small for this chart."""


class PackSummary(Frozen):
    """How large the evidence pack was allowed to be, and is."""

    budget: int
    """Tokens at most."""
    tokens: int
    """Tokens of the items that are in, as a prompt shows them: an estimate on the high side, never over the budget."""
    set_aside: int
    """Facts of the chart that nothing ties to what is asked: old, and of no part of it. They are not among what did not fit."""


class ReviewManifest(Frozen):
    """What was asked and what came, so that "none" and "not available" are never the same."""

    source: str
    asked: tuple[Pull, ...]
    resources: int
    incomplete: tuple[str, ...]
    notes: tuple[str, ...]
    quality: tuple[Quality, ...]
    overflow: tuple[Overflow, ...]
    pack: PackSummary | None = None
    """None in reviews from before packs had a budget."""


class Versions(Frozen):
    """What answered. `none` where there was none."""

    sidenote: str
    model: str
    index: str
    rules: str
    guidance: str
    composer: str
    chart: str
    """Hash of the chart's snapshot."""


class Review(Frozen):
    """What a door renders, and the contract of `--format json`."""

    review_id: str
    status: Status
    patient: ReviewPatient
    study: ReviewStudy | None
    as_of: str
    """ISO 8601 with its offset."""
    question: str | None = None
    evidence: tuple[Evidence, ...]
    claims: tuple[ReviewClaim, ...]
    withheld: tuple[Withheld, ...]
    policies: tuple[ReviewPolicy, ...]
    similar_cases: tuple[SimilarCase, ...]
    search: Search | None
    reading: Reading | None
    reading_mode: ReadingMode
    """`read`, `abstained`, `off`, `refused`, `withheld` (by a policy) or `none` (no image)."""
    voices: tuple[Voice, ...]
    disagreements: tuple[Disagreement, ...] = ()
    manifest: ReviewManifest
    versions: Versions
    timings: dict[str, float] = Field(default_factory=dict)
    """Step -> wall milliseconds."""

    def content(self) -> dict[str, Any]:
        """What two reviews of one snapshot share: all but the id and the timings, in JSON terms."""
        return self.model_dump(mode="json", exclude={"review_id", "timings"})


def review_schema() -> dict[str, Any]:
    """The JSON Schema of a Review, the same on every call."""
    schema = Review.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sidenote review",
        **{k: v for k, v in schema.items() if k != "title"},
    }


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(review_schema(), indent=2) + "\n")
