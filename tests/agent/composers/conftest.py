"""A review's case and evidence, gathered by the real tools from a chart of a few resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.composers.studies import studies_of
from fhir.chart import Chart, Manifest, chart_of
from fhir.codes import FINDINGS, Side
from fhir.imaging import focal_study
from policies.case import ImageFinding, PolicyCase, ReadingFacts, StudyFacts
from policies.evidence import Evidence, Sourced, mint
from policies.guidance_pack import Topic, load_topics
from tools import allergies, calculators, guidance, images, labs, medications, notes, orders, problems, procedures
from tools.med_vlm.reading import FindingReading, Reading

AS_OF = datetime(2026, 11, 23, 9, tzinfo=UTC)
PATIENT = "Patient/p"
Read = Mapping[str, tuple[float, Side | None]]


@dataclass(frozen=True)
class Bench:
    """What a composer is given."""

    case: PolicyCase
    evidence: tuple[Evidence, ...]

    def by_id(self) -> dict[str, Evidence]:
        """Evidence by its id, as grounding wants it."""
        return {item.id: item for item in self.evidence}


@pytest.fixture(scope="session")
def topics() -> tuple[Topic, ...]:
    return load_topics()


@pytest.fixture
def bench(topics: tuple[Topic, ...]) -> Callable[..., Bench]:
    """Build a Bench: resources without id or subject, and what the image model reads as {finding: (probability, side)}."""

    def build(*resources: dict[str, Any], reads: Read | None = None, incomplete: tuple[str, ...] = (), **patient: Any) -> Bench:
        person = {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1955-03-14", **patient}
        person = {key: value for key, value in person.items() if value is not None}
        manifest = Manifest("server", tuple((name, "failed" if name in incomplete else "complete") for name in TYPES), len(resources))
        chart = chart_of(person, [_whole(resource, number) for number, resource in enumerate(resources)], manifest)
        reading = None if reads is None else _reading(reads)
        evidence = mint((*_looked_up(chart, reading), *guidance.look_up(topics)))
        study = focal_study(chart)
        facts = None if study is None else StudyFacts(study.reference, study.modality, study.body_part, None)
        return Bench(PolicyCase(chart, AS_OF, facts, _facts(reading), (), evidence), evidence)

    return build


TYPES = (
    "AllergyIntolerance",
    "Condition",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "ImagingStudy",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
    "ServiceRequest",
)


def _looked_up(chart: Chart, reading: Reading | None) -> list[Sourced]:
    reports = tuple(studies_of(PolicyCase(chart, AS_OF)).reports)
    found = [] if reading is None else list(images.look_up(reading, "f" * 64, PATIENT))
    found += notes.look_up(chart, PATIENT, AS_OF, reports)
    for tool in (problems, medications, allergies, orders, procedures, labs, calculators):
        found += tool.look_up(chart, PATIENT, AS_OF)
    return found


def _reading(reads: Read) -> Reading:
    findings = tuple(
        FindingReading(
            key=finding.key,
            presence="present" if reads.get(finding.key, (0.03, None))[0] >= 0.5 else "absent",
            probability=reads.get(finding.key, (0.03, None))[0],
            side=reads.get(finding.key, (0.03, None))[1],
        )
        for finding in FINDINGS
    )
    return Reading(
        model="compact 0.1.0", fingerprint="a" * 64, abstained=False, reason="", ood_score=0.1, ood_threshold=0.5, findings=findings
    )


def _facts(reading: Reading | None) -> ReadingFacts | None:
    if reading is None:
        return None
    return ReadingFacts("read", findings=tuple(ImageFinding(f.key, f.presence, f.probability, f.side) for f in reading.findings))


def _whole(resource: dict[str, Any], number: int) -> dict[str, Any]:
    kind = resource["resourceType"]
    owner = "patient" if kind in {"AllergyIntolerance", "Device"} else "subject"
    return {"id": f"{kind.lower()}-{number}", owner: {"reference": PATIENT}, **resource}
