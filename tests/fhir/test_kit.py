"""Real data: Synthea patients, overlays with real radiographs, DICOM files, US Core examples."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from fhir.chart import Chart
from fhir.errors import FileRejected
from fhir.files import chart_from_bytes
from fhir.imaging import check_identity, focal_study, studies
from fhir.models import validate_fact
from fhir.pixels import decode
from fhir.source import open_source
from fhir.views import subject_reference

REFUSED_DICOM = {
    "image_dfl.dcm": "Deflated",
    "no_meta.dcm": "not DICOM",
    "reportsi.dcm": "without an image",
    "test-SR.dcm": "without an image",
}


@pytest.fixture(scope="module")
def charts(kit: Path) -> dict[str, Chart]:
    async def read() -> dict[str, Chart]:
        source = open_source(kit / "fhir", kit / "fhir_overlay")
        return {patient: await source.chart(patient) for patient in await source.patients()}

    return asyncio.run(read())


def test_all_sixty_patients_load_with_every_resource_of_their_bundle(kit: Path, charts: dict[str, Chart]) -> None:
    assert len(charts) == 60
    for line in (kit / "fhir_index.jsonl").read_text().splitlines():
        row = json.loads(line)
        own = chart_from_bytes((kit / row["file"]).read_bytes(), row["patient_id"])
        assert own.manifest.resources == sum(row["resources"].values())
        assert own.manifest.notes == ()
        assert {fact.reference for fact in own} <= {fact.reference for fact in charts[row["patient_id"]]}


def test_every_reference_of_a_transaction_bundle_resolves(charts: dict[str, Chart]) -> None:
    chart = max(charts.values(), key=lambda one: len(one.facts))
    subjects = [reference for fact in chart.facts if (reference := subject_reference(fact))]
    assert len(subjects) > 500
    assert all(chart.get(reference) is chart.patient for reference in subjects)
    results = [one["reference"] for report in chart.of_type("DiagnosticReport") for one in report.body.get("result", [])]
    assert results
    assert all(chart.get(reference) is not None for reference in results)


def test_every_fact_is_the_text_of_its_source(kit: Path, charts: dict[str, Chart]) -> None:
    patient, chart = next(iter(charts.items()))
    text = (kit / "fhir" / f"{patient}.json").read_bytes() + b"".join(
        path.read_bytes() for path in (kit / "fhir_overlay").glob(f"{patient}.json")
    )
    assert all(fact.raw in text for fact in chart)


def test_overlay_images_are_found_and_decoded(kit: Path, charts: dict[str, Chart]) -> None:
    source = open_source(kit / "fhir", kit / "fhir_overlay")
    found = [(chart, study, image) for chart in charts.values() for study in studies(chart) for image in study.images]
    assert len(found) == 43
    for chart, study, image in found:
        picture = decode(asyncio.run(source.fetch(image, 10_000_000)), declared=image.content_type)
        assert min(picture.pixels.shape) > 200
        assert 0.05 < float(picture.pixels.mean()) < 0.95
        assert check_identity(picture, chart, study).outcome == "unknown"
        focal = focal_study(chart)
        assert focal is not None
        assert focal.images


@pytest.mark.std("D3")
def test_hannover_dicoms_decode_and_belong_to_no_synthea_patient(kit: Path, charts: dict[str, Chart]) -> None:
    paths = sorted((kit / "dicom" / "hannover").glob("*.dcm"))
    assert len(paths) == 12
    for path in paths:
        picture = decode(path.read_bytes())
        assert picture.tags["Modality"] == "CR"
        assert picture.tags["PatientID"].startswith("hannover-")
        assert all(check_identity(picture, chart, focal_study(chart)).outcome == "mismatch" for chart in list(charts.values())[:5])


def test_pydicom_files_decode_or_are_refused_with_a_reason(kit: Path) -> None:
    paths = sorted((kit / "dicom" / "pydicom").glob("*.dcm"))
    assert len(paths) == 12
    for path in paths:
        reason = REFUSED_DICOM.get(path.name)
        if reason is None:
            assert decode(path.read_bytes()).pixels.std() > 0
            continue
        with pytest.raises(FileRejected, match=reason):
            decode(path.read_bytes())


def test_three_encodings_of_one_slice_are_one_picture(kit: Path) -> None:
    names = ("MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm")
    pictures = [decode((kit / "dicom" / "pydicom" / name).read_bytes()).pixels for name in names]
    assert all((picture == pictures[0]).all() for picture in pictures)


def test_the_us_core_examples_load(kit: Path) -> None:
    async def read() -> dict[str, Chart]:
        source = open_source(kit / "fhir_us_core" / "us_core_examples.json")
        return {patient: await source.chart(patient) for patient in await source.patients()}

    found = asyncio.run(read())
    assert {patient: len(chart.facts) for patient, chart in found.items()} == {
        "child-example": 2,
        "deceased-example": 0,
        "example": 198,
        "infant-example": 11,
    }


def test_synthea_resources_validate(charts: dict[str, Chart]) -> None:
    chart = min(charts.values(), key=lambda one: len(one.facts))
    assert [issue for fact in chart for issue in validate_fact(fact)] == []
