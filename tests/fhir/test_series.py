"""Series, endpoints and instances of an ImagingStudy."""

from __future__ import annotations

from typing import Any

import pytest

from fhir.chart import chart_of
from fhir.series import endpoints_of, instances_of, series_of, uid
from fhir.study import Instance

Body = dict[str, Any]
PATIENT: Body = {"resourceType": "Patient", "id": "p"}
SCT = "http://snomed.info/sct"


def endpoint(name: str, kind: str = "dicom-wado-rs", **more: Any) -> Body:
    connection = {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": kind}
    body = {"resourceType": "Endpoint", "id": name, "status": "active", "connectionType": connection, "address": f"https://pacs/{name}/"}
    return {**body, **more}


def named(*names: str) -> list[Body]:
    return [{"reference": f"Endpoint/{name}"} for name in names]


def series(number: int, *instances: Body, **more: Any) -> Body:
    return {"uid": f"1.2.{number}", "number": number, "modality": {"code": "DX"}, "instance": list(instances), **more}


def instance(number: int, **more: Any) -> Body:
    return {"uid": f"1.2.3.{number}", "number": number, "sopClass": {"code": "urn:oid:1.2.840.10008.5.1.4.1.1.1.1"}, **more}


def found(study: Body, *others: Body) -> tuple[tuple[str, ...], tuple[Instance, ...]]:
    body = {"resourceType": "ImagingStudy", "id": "s", "status": "available", **study}
    chart = chart_of(PATIENT, [body, *others])
    (fact,) = chart.of_type("ImagingStudy")
    return endpoints_of(chart, fact), tuple(one.instance for one in instances_of(chart, fact, "1.2") if one.instance)


@pytest.mark.std("E6")
def test_a_series_is_what_the_record_says_of_it_in_the_order_of_numbers() -> None:
    site, left = {"system": SCT, "code": "51185008", "display": "Thorax"}, {"system": SCT, "code": "7771000"}
    body = {"series": [series(2, numberOfInstances=3), series(1, bodySite=site, laterality=left), {"number": 0}, "odd", {"uid": "1.2.9"}]}
    first, second, last = series_of(body)
    assert (first.uid, first.modality, first.body_part, first.laterality, first.number_of_instances) == (
        "1.2.1",
        "DX",
        "Thorax",
        "left",
        None,
    )
    assert (second.uid, second.number_of_instances, second.body_part) == ("1.2.2", 3, None)
    assert (last.uid, last.modality) == ("1.2.9", None)


@pytest.mark.std("D4")
@pytest.mark.parametrize(
    ("resource", "used"),
    [
        (endpoint("e"), True),
        (endpoint("e", "dicom-qido-rs"), True),
        (endpoint("e", "dicom-wado-uri"), False),
        (endpoint("e", "hl7-fhir-rest"), False),
        (endpoint("e", status="off"), False),
        (endpoint("e", status="suspended"), False),
        (endpoint("e", status="entered-in-error"), False),
        (endpoint("e", status="test"), False),
        (endpoint("e", address=None), False),
        (endpoint("e", connectionType="dicom-wado-rs"), False),
        (endpoint("e", modifierExtension=[{"url": "urn:not", "valueBoolean": True}]), False),
        ({"resourceType": "Location", "id": "e", "address": "https://pacs/e"}, False),
    ],
    ids=lambda value: str(value.get("status", "")) if isinstance(value, dict) else str(value),
)
def test_only_an_active_dicomweb_service_is_used(resource: Body, used: bool) -> None:
    assert found({"endpoint": named("e")}, resource)[0] == (("https://pacs/e",) if used else ())


@pytest.mark.std("D4")
def test_endpoints_are_found_in_the_chart_contained_and_of_a_series() -> None:
    study = {
        "endpoint": [*named("q", "e", "gone"), {"reference": "#inner"}, {"reference": "#none"}, {"display": "?"}],
        "series": [series(1, endpoint=named("own")), series(2, endpoint=named("e"))],
        "contained": [endpoint("inner")],
    }
    addresses, _ = found(study, endpoint("q", "dicom-qido-rs"), endpoint("e"), endpoint("own"))
    assert addresses == ("https://pacs/e", "https://pacs/inner", "https://pacs/q", "https://pacs/own")


@pytest.mark.std("D4")
@pytest.mark.std("E6")
def test_instances_are_listed_with_where_they_are() -> None:
    study = {
        "endpoint": named("e"),
        "series": [
            series(2, instance(2), instance(1), endpoint=named("own")),
            series(1, instance(3, sopClass=None), {"number": 1}, {"uid": "../x"}),
        ],
    }
    _, instances = found(study, endpoint("e"), endpoint("own"))
    assert instances == (
        Instance("https://pacs/e", "1.2", "1.2.1", "1.2.3.3"),
        Instance("https://pacs/own", "1.2", "1.2.2", "1.2.3.1", "1.2.840.10008.5.1.4.1.1.1.1"),
        Instance("https://pacs/own", "1.2", "1.2.2", "1.2.3.2", "1.2.840.10008.5.1.4.1.1.1.1"),
    )


def test_instances_that_are_nowhere_are_not_listed() -> None:
    assert found({"series": [series(1, instance(1))]})[1] == ()
    chart = chart_of(
        PATIENT, [{"resourceType": "ImagingStudy", "id": "s", "endpoint": named("e"), "series": [series(1, instance(1))]}, endpoint("e")]
    )
    (fact,) = chart.of_type("ImagingStudy")
    for study_uid in (None, "no uid", "../1"):
        assert instances_of(chart, fact, study_uid) == ()


@pytest.mark.parametrize(
    ("text", "plain"), [("urn:oid:1.2", "1.2"), (" 1.2 ", "1.2"), ("", None), (None, None), ("1/2", None), ("1" * 65, None), (12, "12")]
)
def test_a_uid_is_digits_and_dots(text: Any, plain: str | None) -> None:
    assert uid(text) == plain
