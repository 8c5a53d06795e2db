"""Studies, their pictures, reports and priors."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from fhir.chart import chart_of
from fhir.errors import UnknownStudy
from fhir.imaging import check_identity, focal_study, image_source, priors, studies
from fhir.study import Picture

Body = dict[str, Any]
PATIENT: Body = {"resourceType": "Patient", "id": "p"}
DCM = "http://dicom.nema.org/resources/ontology/DCM"
SCT = "http://snomed.info/sct"


def _study(name: str, started: str, modality: str = "DX", part: str | None = "Chest", **more: Any) -> Body:
    series: Body = {"uid": "1", "modality": {"system": DCM, "code": modality}}
    if part:
        series["bodySite"] = {"system": SCT, "code": "51185008", "display": part}
    uid = [{"system": "urn:dicom:uid", "value": f"urn:oid:1.2.{name[1:]}"}]
    body: Body = {
        "resourceType": "ImagingStudy",
        "id": name,
        "status": "available",
        "identifier": uid,
        "started": started,
        "series": [series],
    }
    return {**body, **more}


def _document(name: str, study: str, url: str = "images/a.png", **more: Any) -> Body:
    attachment = {"contentType": "image/png", "url": url}
    related = {"related": [{"reference": f"ImagingStudy/{study}"}]}
    return {
        "resourceType": "DocumentReference",
        "id": name,
        "status": "current",
        "content": [{"attachment": attachment}],
        "context": related,
        **more,
    }


@pytest.mark.std("E6")
def test_a_study_gathers_what_the_record_says_of_it() -> None:
    laterality = {"system": SCT, "code": "7771000"}
    study = _study("s1", "2024-03-01", basedOn=[{"reference": "ServiceRequest/r/_history/1"}, {"reference": "CarePlan/c"}])
    study["series"][0]["laterality"] = laterality
    study["identifier"].append({"type": {"coding": [{"system": "urn:v2", "code": "ACSN"}]}, "value": "A-7"})
    old = {
        "resourceType": "DiagnosticReport",
        "id": "old",
        "status": "final",
        "imagingStudy": [{"reference": "ImagingStudy/s1"}],
        "issued": "2024-03-01T10:00:00Z",
    }
    new = {**old, "id": "new", "issued": "2024-03-02T10:00:00Z", "media": [{"link": {"reference": "Media/m"}}]}
    by_order = {"resourceType": "DiagnosticReport", "id": "ordered", "status": "final", "basedOn": [{"reference": "ServiceRequest/r"}]}
    media = {"resourceType": "Media", "id": "m", "status": "completed", "content": {"contentType": "image/jpeg", "url": "images/m.jpg"}}
    chart = chart_of(PATIENT, [study, old, new, by_order, media, _document("d", "s1")])
    (found,) = studies(chart)
    assert (found.study_uid, found.accession_number, found.modality) == ("1.2.1", "A-7", ("DX",))
    assert (found.body_part, found.series_laterality, found.orders) == ("Chest", "left", ("ServiceRequest/r",))
    assert found.reports == ("DiagnosticReport/new", "DiagnosticReport/old", "DiagnosticReport/ordered")
    assert [image.reference for image in found.images] == ["DocumentReference/d", "Media/m"]


def test_the_focal_study_is_the_newest_with_a_picture() -> None:
    chart = chart_of(PATIENT, [_study("s1", "2024-01-01"), _study("s2", "2024-02-01"), _study("s3", "2024-03-01"), _document("d", "s2")])
    assert [study.reference for study in studies(chart)] == ["ImagingStudy/s3", "ImagingStudy/s2", "ImagingStudy/s1"]
    focal = focal_study(chart)
    assert focal is not None
    assert focal.reference == "ImagingStudy/s2"
    assert focal_study(chart_of(PATIENT)) is None


@pytest.mark.parametrize("name", ["s1", "ImagingStudy/s1", "1.2.1", "urn:oid:1.2.1"])
def test_a_study_is_found_by_each_of_its_names(name: str) -> None:
    chart = chart_of(PATIENT, [_study("s1", "2024-01-01"), _study("s2", "2024-02-01")])
    found = focal_study(chart, name)
    assert found is not None
    assert found.reference == "ImagingStudy/s1"


def test_a_study_that_is_not_there_or_withdrawn_is_unknown() -> None:
    chart = chart_of(PATIENT, [_study("s1", "2024-01-01", status="entered-in-error")])
    assert studies(chart) == ()
    with pytest.raises(UnknownStudy):
        focal_study(chart, "s1")


def test_priors_are_earlier_and_comparable() -> None:
    chart = chart_of(
        PATIENT,
        [
            _study("s1", "2024-05-01"),
            _study("s2", "2024-01-01", "CR"),
            _study("s3", "2023-01-01", part=None),
            _study("s4", "2023-06-01", "CT"),
            _study("s5", "2023-07-01", part="Hand"),
            _study("s6", "2024-06-01"),
            _study("s7", "2024-05"),
        ],
    )
    focal = focal_study(chart, "s1")
    assert focal is not None
    assert [study.reference for study in priors(chart, focal)] == ["ImagingStudy/s2", "ImagingStudy/s3"]


def test_a_picture_of_another_study_or_a_withdrawn_document_is_not_this_ones() -> None:
    documents = [_document("d1", "s2"), _document("d2", "s1", status="entered-in-error"), {**_document("d3", "s1"), "context": {}}]
    (first,) = (study for study in studies(chart_of(PATIENT, [_study("s1", "2024"), *documents])) if study.reference == "ImagingStudy/s1")
    assert first.images == ()


def test_an_attachment_is_an_image_unless_it_says_otherwise() -> None:
    assert image_source("Media/m", {"contentType": "text/plain", "url": "a"}) is None
    assert image_source("Media/m", {"title": "nothing"}) is None
    assert image_source("Media/m", {"url": "images/a"}) is not None
    inline = image_source("Media/m", {"contentType": "image/png", "data": base64.b64encode(b"abc").decode(), "size": 3})
    assert inline is not None
    assert (inline.data, inline.size) == (b"abc", 3)
    broken = image_source("Media/m", {"contentType": "image/png", "data": "?"})
    assert broken is not None
    assert broken.data == b""


def test_a_picture_without_tags_has_an_unknown_identity() -> None:
    chart = chart_of(PATIENT, [_study("s1", "2024-01-01")])
    picture = Picture(np.zeros((2, 2), np.float32), "0" * 64, "png", {})
    check = check_identity(picture, chart, focal_study(chart))
    assert check.outcome == "unknown"
    assert {outcome for _, outcome in check.fields} == {"unknown"}
