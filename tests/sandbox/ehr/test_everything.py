"""$everything: the whole record of one patient and nothing of another."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

WHOLE = {
    "Patient/p1",
    *(f"Observation/o{number}" for number in range(1, 6)),
    "MedicationRequest/mr1",
    "Medication/m1",
    "ImagingStudy/i1",
    "Endpoint/e1",
    "Encounter/enc1",
    "Provenance/prov1",
    "Group/g1",
}


def turn(http: httpx.Client, url: str) -> tuple[list[str], int]:
    """All resources page by page, and how many pages there were."""
    found: list[str] = []
    pages = 0
    next_url: str | None = url
    while next_url is not None:
        body: dict[str, Any] = http.get(next_url).json()
        found += [f"{each['resource']['resourceType']}/{each['resource']['id']}" for each in body.get("entry", ())]
        next_url = next((each["url"] for each in body["link"] if each["relation"] == "next"), None)
        pages += 1
    return found, pages


def test_it_gives_the_compartment_and_what_it_refers_to_page_by_page_the_patient_first(http: httpx.Client) -> None:
    found, pages = turn(http, "Patient/p1/$everything?_count=5")
    assert set(found) == WHOLE
    assert len(found) == len(WHOLE)
    assert found[0] == "Patient/p1"
    assert pages == 3


def test_a_reference_to_what_is_another_patients_brings_it_not_along(http: httpx.Client, ehr: Running) -> None:
    about = [{"reference": name} for name in ("Binary/b1", "Binary/b2", "Observation/o6", "Binary/none")]
    ehr.store.put("Patient", "p3", {"resourceType": "Patient"})
    ehr.store.put("Communication", "c3", {"resourceType": "Communication", "subject": {"reference": "Patient/p3"}, "about": about})
    assert turn(http, "Patient/p3/$everything")[0] == ["Patient/p3", "Communication/c3", "Binary/b1"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("_type=ImagingStudy,Endpoint", {"ImagingStudy/i1", "Endpoint/e1"}),
        ("_type=Media", set()),
        ("_since=2099-01-01T00:00:00Z", set()),
        ("_since=2000-01-01T00:00:00Z&_type=Encounter", {"Encounter/enc1"}),
    ],
)
def test_it_can_be_narrowed(http: httpx.Client, query: str, expected: set[str]) -> None:
    assert set(turn(http, f"Patient/p1/$everything?{query}")[0]) == expected


def test_it_takes_a_parameters_resource_by_post(http: httpx.Client) -> None:
    body = {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": "Encounter"}]}
    answer = http.post("Patient/p1/$everything", json=body, headers={"Content-Type": "application/fhir+json"})
    assert [each["resource"]["id"] for each in answer.json()["entry"]] == ["enc1"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient/none/$everything", 404),
        ("Patient/p1/$everything?_count=0", 400),
        ("Patient/p1/$everything?_count=x", 400),
        ("Patient/p1/$everything?_since=soon", 400),
        ("Patient/p1/$everything?_type=Nonsense", 400),
        ("Observation/o1/$everything", 404),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(http: httpx.Client, path: str, status: int) -> None:
    assert http.get(path).status_code == status


def test_an_unknown_parameter_is_told_or_with_strict_handling_refused(http: httpx.Client, ehr: Running) -> None:
    body = http.get("Patient/p2/$everything?colour=red&_type=Patient").json()
    assert body["entry"][-1]["search"]["mode"] == "outcome"
    assert body["link"][0]["url"] == f"{ehr.base}/Patient/p2/$everything?_type=Patient"
    assert http.get("Patient/p2/$everything?colour=red", headers={"Prefer": "handling=strict"}).status_code == 400


def test_a_hospital_may_not_offer_it(ward: list[dict[str, Any]]) -> None:
    with running(Store(ward), Config(everything=False)) as ehr, httpx.Client(timeout=60, base_url=f"{ehr.base}/") as http:
        assert http.get("Patient/p1/$everything").status_code == 404
        patient = next(each for each in http.get("metadata").json()["rest"][0]["resource"] if each["type"] == "Patient")
    assert [each["name"] for each in patient["operation"]] == ["export"]


@pytest.mark.parametrize(
    ("query", "observations"),
    [
        ("start=2024-03-11", {"o3", "o4", "o5"}),
        ("end=2024-02-10", {"o1", "o2", "o4"}),
        ("start=2024-02-01&end=2024-03-01", {"o2", "o4"}),
    ],
)
def test_a_range_of_care_leaves_out_what_tells_of_another_time_and_keeps_what_tells_of_none(
    http: httpx.Client, query: str, observations: set[str]
) -> None:
    """o4 is of 2024, no more precisely; o3's evening is the next day in UTC."""
    found = set(turn(http, f"Patient/p1/$everything?{query}")[0])
    assert {each for each in found if each.startswith("Observation/")} == {f"Observation/{name}" for name in observations}
    assert {"Patient/p1", "ImagingStudy/i1", "Medication/m1"} <= found
    assert http.get("Patient/p1/$everything?start=soon").status_code == 400
