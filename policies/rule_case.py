"""The cases a rule carries: minimal FHIR with the answer it must give. A rule without them is not loaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from fhir.chart import Chart, Manifest, Pulled, chart_of
from fhir.codes import Side
from fhir.study import IdentityCheck, Outcome
from policies.case import ImageFinding, PolicyCase, ReadingFacts, StudyFacts
from policies.claim import Claim
from policies.evidence import Evidence, Frozen, Polarity
from policies.outcome import Fired

AS_OF = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""The moment every case of a rule plays at, unless it says otherwise."""

_ORDINARY = ("AllergyIntolerance", "Condition", "Device", "DiagnosticReport", "ImagingStudy", "MedicationRequest",
             "Observation", "Procedure", "ServiceRequest")  # fmt: skip


class GivenStudy(Frozen):
    """The focal study of a case."""

    modality: tuple[str, ...] = ("DX",)
    body_part: str | None = "chest"
    identity: Outcome | None = None
    order_side: Side | None = None
    series_side: Side | None = None
    image_side: Side | None = None
    report_sides: tuple[tuple[str, Side], ...] = ()


class GivenFinding(Frozen):
    """One finding of the reading of a case."""

    key: str
    presence: Polarity
    probability: float
    side: Side | None = None


class GivenReading(Frozen):
    """The reading of a case."""

    mode: Literal["read", "abstained", "off", "refused"] = "read"
    reason: str = ""
    findings: tuple[GivenFinding, ...] = ()
    ood_score: float | None = None
    ood_threshold: float | None = None


class Given(Frozen):
    """What a case consists of. Ids and the Patient's type are filled in; every pull is complete unless `pulled` says so."""

    as_of: datetime = AS_OF
    patient: Mapping[str, Any] = Field(default_factory=dict)
    resources: tuple[Mapping[str, Any], ...] = ()
    pulled: Mapping[str, Pulled] = Field(default_factory=dict)
    study: GivenStudy | None = None
    reading: GivenReading | None = None
    claims: tuple[Claim, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class RuleCase(Frozen):
    """One case of a rule: what is given, and what the rule must answer."""

    name: str = Field(min_length=8)
    expect: Fired
    given: Given


def policy_case(given: Given) -> PolicyCase:
    """The PolicyCase that `given` describes."""
    study, reading = given.study, given.reading
    return PolicyCase(
        chart=_chart(given),
        as_of=given.as_of,
        study=None if study is None else _study(study),
        reading=None if reading is None else _reading(reading),
        claims=given.claims,
        evidence=given.evidence,
    )


def _chart(given: Given) -> Chart:
    resources = [{"id": f"{r['resourceType'].lower()}-{n}", **r} for n, r in enumerate(given.resources, start=1)]
    states: dict[str, Pulled] = {**dict.fromkeys(_ORDINARY, "complete"), **given.pulled}
    manifest = Manifest("server", tuple(sorted(states.items())), len(resources) + 1)
    return chart_of({"resourceType": "Patient", "id": "patient-1", **given.patient}, resources, manifest)


def _study(study: GivenStudy) -> StudyFacts:
    identity = None if study.identity is None else IdentityCheck(study.identity, (("PatientID", study.identity),))
    sides = study.model_dump(include={"order_side", "series_side", "image_side"})
    return StudyFacts("ImagingStudy/study-1", study.modality, study.body_part, identity, report_sides=study.report_sides, **sides)


def _reading(reading: GivenReading) -> ReadingFacts:
    findings = tuple(ImageFinding(f.key, f.presence, f.probability, f.side) for f in reading.findings)
    return ReadingFacts(reading.mode, reading.reason, findings, reading.ood_score, reading.ood_threshold)
