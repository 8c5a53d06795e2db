"""Searching over HTTP: which resources match, in what order, what comes along."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.ehr.access import Access
from sandbox.ehr.query import parse_query
from sandbox.ehr.search import find
from sandbox.ehr.store import Store


def found(http: httpx.Client, query: str) -> list[str]:
    body = http.get(query).json()
    assert body["resourceType"] == "Bundle", body
    return [f"{each['resource']['resourceType']}/{each['resource']['id']}" for each in body.get("entry", ())]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Observation?_id=o1", "o1"),
        ("Observation?_id=o1,o6", "o1 o6"),
        ("Observation?patient=p2", "o6"),
        ("Observation?patient=Patient/p2", "o6"),
        ("Observation?subject=Patient/p2", "o6"),
        ("Observation?subject=p2", "o6"),
        ("Observation?subject:Patient=p2", "o6"),
        ("Observation?patient=Patient/p2/_history/1", "o6"),
        ("Observation?patient=nobody", ""),
        ("Observation?patient=p1,p2&code=2160-0", "o1 o2 o6"),
        ("Observation?patient=p1&patient=p2", ""),
        ("Observation?identifier=urn:lab|lab-2", "o2"),
        ("Observation?identifier=lab-2", "o2"),
        ("Observation?identifier=urn:other|lab-2", ""),
        ("Observation?code=http://loinc.org|718-7", "o3"),
        ("Observation?code=718-7,8867-4&category=laboratory", "o3"),
        ("Observation?category=urn:categories|vital-signs&status=preliminary", "o5"),
        ("Observation?date=2024-02-10", "o2"),
        ("Observation?date=2024-01", "o1"),
        ("Observation?date=ge2024-03-11&patient=p1", "o3 o4 o5"),
        ("Observation?date=gt2024-03-11T08:00:00Z&patient=p1", "o4"),
        ("Observation?date=gt2024-03-11T07:59:59Z&patient=p1", "o4 o5"),
        ("Observation?date=lt2024-01-11T00:00:00Z", "o1 o4"),
        ("Observation?date=ge2024-01-01&date=le2024-02-10&status=final&code=2160-0", "o1 o2"),
        ("Patient?birthdate=1960", "p2"),
        ("Patient?name=am", "p1"),
        ("Patient?family=Birch&given=ben", "p2"),
        ("Patient?active=true", "p1"),
        ("Encounter?class=AMB", "enc1"),
        ("Group?member=Patient/p1", "g1"),
        ("Provenance?patient=p1", "prov1"),
        ("Observation?encounter:missing=true&patient=p2", "o6"),
    ],
)
@pytest.mark.std("E2")
def test_a_search_finds_what_fits_every_parameter(http: httpx.Client, query: str, expected: str) -> None:
    type_ = query.partition("?")[0]
    assert found(http, f"{query}&_count=100&_sort=_id") == [f"{type_}/{id_}" for id_ in expected.split()]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("date", "o4 o1 o2 o3 o5"),
        ("-date", "o5 o3 o2 o1 o4"),
        ("-_id", "o5 o4 o3 o2 o1"),
        ("code,-date", "o2 o1 o3 o5 o4"),
        ("status,_id", "o3 o1 o2 o4 o5"),
        ("encounter,-_id", "o5 o4 o3 o2 o1"),
    ],
)
@pytest.mark.std("E2")
def test_matches_come_in_the_asked_order(http: httpx.Client, sort: str, expected: str) -> None:
    assert found(http, f"Observation?patient=p1&_count=100&_sort={sort}") == [f"Observation/{id_}" for id_ in expected.split()]


def test_what_lacks_the_sorted_element_comes_last_in_either_direction() -> None:
    store = Store([{"resourceType": "Observation", "id": each} for each in "ab"])
    store.put("Observation", "c", {"resourceType": "Observation", "effectiveDateTime": "2024"})
    for sort in ("date", "-date"):
        assert [each.id for each in find(store, parse_query("Observation", [("_sort", sort)]), Access())] == ["c", "a", "b"]


@pytest.mark.std("E2")
def test_last_updated_is_searched_and_sorted() -> None:
    old = {"resourceType": "Observation", "id": "old", "meta": {"lastUpdated": "2020-01-01T00:00:00Z"}}
    store = Store([{"resourceType": "Observation", "id": "new"}, old])
    for pairs, expected in (
        ([("_lastUpdated", "lt2021")], ["old"]),
        ([("_lastUpdated", "ge2021")], ["new"]),
        ([("_sort", "_lastUpdated")], ["old", "new"]),
    ):
        assert [each.id for each in find(store, parse_query("Observation", pairs), Access())] == expected


def modes(body: dict[str, Any]) -> dict[str, str]:
    return {f"{each['resource']['resourceType']}/{each['resource']['id']}": each["search"]["mode"] for each in body["entry"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ImagingStudy?patient=p1&_include=ImagingStudy:endpoint", {"ImagingStudy/i1": "match", "Endpoint/e1": "include"}),
        ("ImagingStudy?_include=ImagingStudy:patient", {"ImagingStudy/i1": "match", "Patient/p1": "include"}),
        ("MedicationRequest?_include=MedicationRequest:medication", {"MedicationRequest/mr1": "match", "Medication/m1": "include"}),
        ("MedicationRequest?_include=MedicationRequest:medication:Endpoint", {"MedicationRequest/mr1": "match"}),
        ("Observation?_id=o1&_revinclude=Provenance:target", {"Observation/o1": "match", "Provenance/prov1": "include"}),
        ("Patient?_id=p2&_revinclude=Observation:subject", {"Patient/p2": "match", "Observation/o6": "include"}),
        (
            "Patient?_id=p2&_revinclude=Observation:subject&_revinclude=Observation:patient",
            {"Patient/p2": "match", "Observation/o6": "include"},
        ),
    ],
)
@pytest.mark.std("E1")
@pytest.mark.std("E2")
def test_includes_come_along_once_marked_as_includes_and_uncounted(http: httpx.Client, query: str, expected: dict[str, str]) -> None:
    body = http.get(query).json()
    assert modes(body) == expected
    assert body["total"] == 1
