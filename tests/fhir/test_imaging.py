"""Studies, their pictures, reports and priors."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from fhir.chart import chart_of
from fhir.errors import UnknownStudy
from fhir.imaging import check_identity, focal_study, image_source, priors, studies
from fhir.study import ImageSource, Instance, Picture

Body = dict[str, Any]
PATIENT: Body = {"resourceType": "Patient", "id": "p"}
DCM = "http://dicom.nema.org/resources/ontology/DCM"
SCT = "http://snomed.info/sct"
SITES = {"Chest": "51185008", "Thorax": "816094009", "Hand": "85562004"}


def _study(name: str, started: str, modality: str = "DX", part: str | None = "Chest", **more: Any) -> Body:
    series: Body = {"uid": "1", "modality": {"system": DCM, "code": modality}}
    if part:
        series["bodySite"] = {"system": SCT, "code": SITES.get(part, "0"), "display": part}
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


def test_a_picture_in_a_report_is_a_picture_of_its_study() -> None:
    form = [{"contentType": "application/pdf", "url": "a.pdf"}, {"contentType": "image/png", "url": "images/r.png"}]
    report = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "imagingStudy": [{"reference": "ImagingStudy/s1"}]}
    (found,) = studies(chart_of(PATIENT, [_study("s1", "2024-03-01"), {**report, "presentedForm": form}]))
    assert [image.reference for image in found.images] == ["DiagnosticReport/r"]


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


@pytest.mark.parametrize(
    ("part", "compared"),
    [("Thorax", True), ("CHEST", True), ("LUNG", True), (None, True), ("Hand", False), ("Thoracic spine", False), ("?", False)],
)
def test_a_prior_shows_the_same_region_whatever_it_is_called(part: str | None, compared: bool) -> None:
    chart = chart_of(PATIENT, [_study("s1", "2024-05-01"), _study("s2", "2024-01-01", part=part)])
    focal = focal_study(chart, "s1")
    assert focal is not None
    assert focal.regions == {"chest"}
    assert [study.reference for study in priors(chart, focal)] == (["ImagingStudy/s2"] if compared else [])


def test_the_region_is_of_the_site_else_of_the_procedure_else_of_the_description() -> None:
    procedure = {"procedureCode": [{"text": "XR hand"}], "description": "Chest radiograph"}
    bodies = [
        _study("s1", "2024", **procedure),
        _study("s2", "2024", part=None, **procedure),
        _study("s3", "2024", part=None, description="CXR"),
    ]
    assert [sorted(study.regions) for study in studies(chart_of(PATIENT, bodies))] == [["chest"], ["hand"], ["chest"]]


@pytest.mark.parametrize(("side", "compared"), [("7771000", True), ("24028007", False), ("51440002", True), (None, True)])
def test_a_prior_is_not_of_the_other_side(side: str | None, compared: bool) -> None:
    left, other = _study("s1", "2024-05-01", part="Hand"), _study("s2", "2024-01-01", part="Hand")
    left["series"][0]["laterality"] = {"system": SCT, "code": "7771000"}
    if side:
        other["series"][0]["laterality"] = {"system": SCT, "code": side}
    chart = chart_of(PATIENT, [left, other])
    focal = focal_study(chart, "s1")
    assert focal is not None
    assert bool(priors(chart, focal)) is compared


@pytest.mark.parametrize(
    ("status", "focal", "prior"),
    [
        ("available", True, True),
        ("unknown", True, True),
        ("registered", False, False),
        ("cancelled", False, False),
        ("entered-in-error", False, False),
    ],
)
def test_a_study_without_anything_to_see_is_neither_focal_nor_prior(status: str, focal: bool, prior: bool) -> None:
    chart = chart_of(PATIENT, [_study("s1", "2024-01-01", status=status), _document("d", "s1"), _study("s2", "2024-05-01")])
    found = focal_study(chart)
    assert found is not None
    assert (found.reference == "ImagingStudy/s1") is focal
    later = focal_study(chart, "s2")
    assert later is not None
    assert bool(priors(chart, later)) is prior


@pytest.mark.parametrize(
    ("as_of", "newest"),
    [("2024-06-01", "s3"), ("2024-04-15", "s2"), ("2024-02-01", "s1"), ("2023-01-01", None)],
)
def test_the_focal_study_is_never_later_than_the_moment_of_the_review(as_of: str, newest: str | None) -> None:
    chart = chart_of(PATIENT, [_study("s1", "2024-01-01"), _study("s2", "2024-03-01"), _study("s3", "2024-05-01"), _document("d", "s3")])
    moment = datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    found = focal_study(chart, as_of=moment)
    assert (found.reference if found else None) == (f"ImagingStudy/{newest}" if newest else None)
    asked = focal_study(chart, "s3", moment)
    assert asked is not None
    assert asked.reference == "ImagingStudy/s3"


def test_of_studies_of_one_moment_the_same_one_is_focal_whatever_their_order() -> None:
    bodies = [_study(f"s{number}", "2024-01-01T10:00:00Z") for number in range(1, 5)]
    found = {focal_study(chart_of(PATIENT, order)) for order in (bodies, bodies[::-1], bodies[2:] + bodies[:2])}
    assert [study.reference for study in found if study] == ["ImagingStudy/s1"]


@pytest.mark.std("D4")
@pytest.mark.std("E6")
def test_an_image_server_counts_as_a_picture() -> None:
    endpoint = {
        "resourceType": "Endpoint",
        "id": "e",
        "status": "active",
        "connectionType": {"code": "dicom-wado-rs"},
        "address": "https://pacs.example/dicom-web",
    }
    on_server = _study("s2", "2024-02-01", endpoint=[{"reference": "Endpoint/e"}])
    on_server["series"][0]["instance"] = [{"uid": "1.2.2.1", "sopClass": {"code": "urn:oid:1.2.840.10008.5.1.4.1.1.1.1"}}]
    chart = chart_of(PATIENT, [_study("s1", "2024-01-01"), _document("d", "s1"), on_server, _study("s3", "2024-03-01"), endpoint])
    focal = focal_study(chart)
    assert focal is not None
    assert (focal.reference, focal.images, focal.endpoints) == ("ImagingStudy/s2", (), ("https://pacs.example/dicom-web",))
    (instance,) = (image.instance for image in focal.instances)
    assert instance == Instance("https://pacs.example/dicom-web", "1.2.2", "1", "1.2.2.1", "1.2.840.10008.5.1.4.1.1.1.1")
    assert [series.uid for series in focal.series] == ["1"]


@pytest.mark.std("D3")
@pytest.mark.parametrize(
    ("numbers", "own", "found"), [(["A-7"], None, "A-7"), (["A-7", "A-8"], None, None), (["A-7"], "A-9", "A-9"), ([], None, None)]
)
def test_the_accession_number_is_the_studys_own_else_the_one_of_its_orders(numbers: list[str], own: str | None, found: str | None) -> None:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}
    orders = [
        {"resourceType": "ServiceRequest", "id": f"r{place}", "identifier": [{"type": kind, "value": number}]}
        for place, number in enumerate(numbers)
    ]
    study = _study("s1", "2024-01-01", basedOn=[{"reference": f"ServiceRequest/r{place}"} for place in range(len(numbers) + 1)])
    if own:
        study["identifier"].append({"type": kind, "value": own})
    (read,) = studies(chart_of(PATIENT, [study, *orders]))
    assert read.accession_number == found


@pytest.mark.std("D3")
def test_what_a_servers_metadata_say_is_compared_before_a_picture_is_there() -> None:
    chart = chart_of({**PATIENT, "identifier": [{"value": "MRN-1"}]}, [_study("s1", "2024-01-01")])
    for number, outcome in (("MRN-1", "match"), ("MRN-2", "mismatch"), ("", "unknown")):
        assert check_identity(ImageSource("ImagingStudy/s1", None, tags={"PatientID": number}), chart, None).outcome == outcome


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


@pytest.mark.parametrize(
    ("odd", "name", "value"),
    [
        ({"url": 5}, "url", ""),
        ({"url": ["x"]}, "url", ""),
        ({"url": "x", "hash": 5}, "hash_sha1", "5"),
        ({"url": "x", "size": "8"}, "size", -1),
    ],
)
def test_an_attachment_of_another_shape_is_a_broken_picture_and_no_missing_one(odd: dict[str, Any], name: str, value: object) -> None:
    image = image_source("Media/m", {"contentType": "image/png", **odd})
    assert image is not None
    assert getattr(image, name) == value
