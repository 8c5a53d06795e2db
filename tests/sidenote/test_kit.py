"""Real input: openly licensed charts and radiographs, reviewed through the same path as everything else."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest

from agent.graph import Finished, run_review
from agent.request import ReviewRequest
from agent.review import Review
from fhir.chart import Chart
from fhir.jsontext import dumps
from fhir.source import open_source
from sidenote.settings import Settings
from sidenote.wiring import wired

NOW = datetime(2026, 11, 23, tzinfo=UTC)
STATUSES = {"presented", "needs_review", "withheld", "abstained"}

pytestmark = pytest.mark.slow


def reviewed(home: Path, sources: tuple[str, ...], requests: list[ReviewRequest]) -> list[Finished]:
    async def all_of_them() -> list[Finished]:
        async with wired(Settings(home=home), sources) as parts:
            return [await run_review(request, parts) for request in requests]

    return asyncio.run(all_of_them())


def charts(sources: tuple[str, ...], patients: list[str]) -> dict[str, Chart]:
    async def all_of_them() -> dict[str, Chart]:
        source = open_source(*sources)
        try:
            return {patient: await source.chart(patient) for patient in patients}
        finally:
            await source.aclose()

    return asyncio.run(all_of_them())


def unfounded(review: Review, chart: Chart) -> list[str]:
    """Claims of a review whose evidence does not stand in the chart with the same text."""
    evidence = {item.id: item for item in review.evidence}
    cited = [(claim, evidence[identity]) for claim in review.claims for identity in claim.evidence]
    bad = [claim.text for claim in review.claims if not claim.evidence]
    for claim, item in cited:
        if item.kind not in ("chart_fact", "report_sentence"):
            continue
        fact = chart.get(item.reference)
        if fact is None or fact.sha256 != item.sha256 or not item.quotes:
            bad.append(claim.text)
    return bad


def test_every_synthea_patient_is_reviewed_and_every_claim_stands_in_the_source(kit: Path, home: Path) -> None:
    sources = (str(kit / "fhir"), str(kit / "fhir_overlay"))
    patients = [json.loads(line)["patient_id"] for line in (kit / "fhir_index.jsonl").read_text().splitlines()]
    assert len(patients) == 60
    done = reviewed(home, sources, [ReviewRequest(patient, NOW) for patient in patients])
    known = charts(sources, patients)
    for finished in done:
        review = finished.review
        assert review.status in STATUSES
        assert unfounded(review, known[review.patient.reference.removeprefix("Patient/")]) == []
    pictured = [finished.review for finished in done if finished.pictures]
    overlaid = {json.loads(line)["fhir_patient"] for line in (kit / "fhir_overlay_index.jsonl").read_text().splitlines()}
    assert {review.patient.reference.removeprefix("Patient/") for review in pictured} == overlaid
    for review in pictured:
        assert review.reading is not None or review.reading_mode in ("refused", "withheld")
        assert review.reading is None or not review.reading.abstained or review.reading.reason


def test_every_hannover_file_is_read_in_its_own_chart_or_abstained_from_with_its_reason(kit: Path, home: Path, tmp_path: Path) -> None:
    files = sorted((kit / "dicom" / "hannover").glob("*.dcm"))
    assert len(files) == 12
    for file in files:
        (tmp_path / f"{file.stem}.json").write_bytes(dumps(chart_around(file)))
    requests = [ReviewRequest(file.stem.replace("_", "-"), NOW, images=(file,)) for file in files]
    for finished in reviewed(home, (str(tmp_path),), requests):
        review = finished.review
        assert review.study is not None
        assert review.study.identity is not None
        assert review.study.identity.outcome == "match"
        assert review.reading is not None
        assert review.reading.reason if review.reading.abstained else review.reading.findings


def chart_around(file: Path) -> dict[str, Any]:
    """A chart of nobody whose identifier and study are those the file's tags name."""
    tags = pydicom.dcmread(file, stop_before_pixels=True)
    patient = file.stem.replace("_", "-")
    gender = {"F": "female", "M": "male"}[tags.PatientSex]
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": patient, "identifier": [{"value": tags.PatientID}], "gender": gender, "birthDate": "1960"},
        {
            "resourceType": "ImagingStudy",
            "id": f"{patient}-study",
            "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{tags.StudyInstanceUID}"}],
            "status": "available",
            "subject": {"reference": f"Patient/{patient}"},
            "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": tags.Modality}],
        },
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource} for resource in resources]}


def test_somebody_elses_radiograph_is_withheld(kit: Path, home: Path) -> None:
    file = min((kit / "dicom" / "hannover").glob("*.dcm"))
    patient = json.loads((kit / "fhir_index.jsonl").read_text().splitlines()[0])["patient_id"]
    (finished,) = reviewed(home, (str(kit / "fhir"),), [ReviewRequest(patient, NOW, images=(file,))])
    assert finished.review.status == "withheld"
    assert "I01" in {policy.id for policy in finished.review.policies if policy.outcome == "fired"}
    assert finished.pictures == ()


def test_every_us_core_patient_is_reviewed(kit: Path, home: Path) -> None:
    source = str(kit / "fhir_us_core" / "us_core_examples.json")
    patients = list(asyncio.run(open_source(source).patients()))
    assert len(patients) >= 4
    known = charts((source,), patients)
    for patient, finished in zip(patients, reviewed(home, (source,), [ReviewRequest(patient, NOW) for patient in patients]), strict=True):
        assert finished.review.status in STATUSES
        assert unfounded(finished.review, known[patient]) == []
