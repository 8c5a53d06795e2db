"""What points at what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir.chart import Chart
from tools.evidence_pack.links import anchors_of, links_of

Make = Callable[..., Chart]


def to(reference: str) -> dict[str, str]:
    return {"reference": reference}


@pytest.mark.parametrize(
    ("resource", "references"),
    [
        ({"resourceType": "Encounter", "diagnosis": [{"condition": to("Condition/a")}, {"use": {}}]}, {"Condition/a"}),
        ({"resourceType": "MedicationRequest", "reasonReference": [to("Condition/a"), to("Condition/b")]}, {"Condition/a", "Condition/b"}),
        (
            {"resourceType": "Condition", "evidence": [{"detail": [to("Observation/o")]}], "encounter": to("Encounter/e")},
            {"Observation/o", "Encounter/e"},
        ),
        ({"resourceType": "CarePlan", "addresses": [to("Condition/a/_history/3")]}, {"Condition/a"}),
        ({"resourceType": "ServiceRequest", "reasonReference": to("Condition/a")}, {"Condition/a"}),
        ({"resourceType": "Observation", "encounter": [{"display": "ward"}, "x", 3, None]}, set()),
        ({"resourceType": "Immunization", "encounter": to("Encounter/e")}, set()),
    ],
    ids=["diagnosis", "reasons", "evidence", "a version", "one instead of a list", "odd shapes", "a type without links"],
)
def test_the_links_of_a_fact_are_the_references_of_its_elements(make_chart: Make, resource: dict[str, Any], references: set[str]) -> None:
    chart = make_chart(resource)
    assert links_of(chart.facts[0], chart) == references


def test_an_order_leads_to_its_visit_and_reason_and_the_visit_to_its_diagnoses(make_chart: Make) -> None:
    chart = make_chart(
        {"resourceType": "ServiceRequest", "id": "o", "reasonReference": [to("Condition/a")], "encounter": to("Encounter/e")},
        {"resourceType": "Encounter", "id": "e", "diagnosis": [{"condition": to("Condition/b")}]},
        {"resourceType": "Condition", "id": "b", "evidence": [{"detail": [to("Observation/far")]}]},
        {"resourceType": "Condition", "id": "unrelated"},
    )
    found = anchors_of(chart, ["ServiceRequest/o", "ImagingStudy/gone"])
    assert found == {"ServiceRequest/o", "ImagingStudy/gone", "Condition/a", "Encounter/e", "Condition/b"}


def test_two_facts_that_point_at_each_other_are_no_endless_way(make_chart: Make) -> None:
    chart = make_chart(
        {"resourceType": "ServiceRequest", "id": "o", "reasonReference": to("ServiceRequest/p")},
        {"resourceType": "ServiceRequest", "id": "p", "reasonReference": to("ServiceRequest/o")},
    )
    assert anchors_of(chart, ["ServiceRequest/o"]) == {"ServiceRequest/o", "ServiceRequest/p"}
