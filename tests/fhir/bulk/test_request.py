"""What an export asks for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from fhir.bulk.request import ExportRequest, is_instant
from fhir.errors import RequestRefused


@pytest.mark.std("C1")
@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (ExportRequest("system"), "$export"),
        (ExportRequest("patients"), "Patient/$export"),
        (ExportRequest("group", "g-1.a"), "Group/g-1.a/$export"),
    ],
)
def test_the_operation_stands_at_the_system_the_patients_or_a_group(request_: ExportRequest, path: str) -> None:
    assert request_.path == path


FULL = ExportRequest(
    "patients",
    types=("Patient", "Observation"),
    since="2026-11-20T09:00:00.000+01:00",
    type_filters=("Observation?category=laboratory&date=ge2024", "MedicationRequest?status=active"),
    elements=("id", "Patient.birthDate"),
    patients=("p1", "p2"),
)


@pytest.mark.std("C5")
def test_every_parameter_survives_the_query() -> None:
    assert parse_qs(FULL.query(), strict_parsing=True) == {
        "_outputFormat": ["application/fhir+ndjson"],
        "_type": ["Patient,Observation"],
        "_since": ["2026-11-20T09:00:00.000+01:00"],
        "_typeFilter": ["Observation?category=laboratory&date=ge2024", "MedicationRequest?status=active"],
        "_elements": ["id,Patient.birthDate"],
    }


@pytest.mark.std("C1")
@pytest.mark.std("C5")
def test_a_post_carries_the_parameters_by_their_types_and_the_patients_as_references() -> None:
    body = json.loads(FULL.body())
    assert body["resourceType"] == "Parameters"
    assert [one for one in body["parameter"] if one["name"] in ("_since", "patient")] == [
        {"name": "_since", "valueInstant": "2026-11-20T09:00:00.000+01:00"},
        {"name": "patient", "valueReference": {"reference": "Patient/p1"}},
        {"name": "patient", "valueReference": {"reference": "Patient/p2"}},
    ]
    assert [one["valueString"] for one in body["parameter"] if one["name"] == "_typeFilter"] == list(FULL.type_filters)


@pytest.mark.parametrize(
    "fields",
    [
        {"level": "group"},
        {"level": "patients", "group": "g1"},
        {"level": "group", "group": "../Patient"},
        {"level": "group", "group": ""},
        {"level": "system", "patients": ("p1",)},
        {"level": "patients", "patients": ("p 1",)},
        {"level": "patients", "types": ("Patient,Group",)},
        {"level": "patients", "types": ("Observation",)},
        {"level": "patients", "since": "2026-11-20"},
        {"level": "patients", "since": "2026-11-20T09:00:00"},
        {"level": "patients", "since": "2026-13-20T09:00:00Z"},
        {"level": "patients", "since": ""},
        {"level": "patients", "type_filters": ("status=active",)},
        {"level": "patients", "type_filters": ("Observation?code=a b",)},
        {"level": "patients", "elements": ("Id",)},
    ],
    ids=str,
)
def test_what_no_server_can_be_asked_is_refused_at_once(fields: dict[str, Any]) -> None:
    with pytest.raises(RequestRefused):
        ExportRequest(**fields)


@pytest.mark.parametrize(
    ("text", "instant"), [("2015-02-07T13:28:17.239+02:00", True), ("2015-02-07", False), (None, False), (20150207, False)]
)
def test_an_instant_has_seconds_and_an_offset(text: object, instant: bool) -> None:
    assert is_instant(text) is instant
