"""The lists of a chart: what stands in a line, and what comes first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.chart import lines
from sandbox.patients.story import CLOCK

Charts = Callable[..., Any]


def coded(status: str) -> dict[str, Any]:
    return {"coding": [{"code": status}]}


def test_what_is_over_stands_below_what_is_not(chart_with: Charts) -> None:
    chart = chart_with(
        {"resourceType": "Condition", "code": {"text": "Old"}, "clinicalStatus": coded("resolved"), "onsetDateTime": "2026-01-01"},
        {"resourceType": "Condition", "code": {"text": "New"}, "clinicalStatus": coded("active"), "onsetDateTime": "2001-01-01"},
        {"resourceType": "Condition"},
    )
    found = lines.problems(chart, CLOCK)
    assert [(line.title, line.over) for line in found] == [("New", False), ("Not named", False), ("Old", True)]


@pytest.mark.parametrize(
    "medication",
    [
        {"medicationCodeableConcept": {"text": "Aspirin"}},
        {"medicationReference": {"reference": "#m"}, "contained": [{"resourceType": "Medication", "id": "m", "code": {"text": "Aspirin"}}]},
        {"medicationReference": {"display": "Aspirin"}},
    ],
    ids=["coded", "contained", "named"],
)
def test_a_medication_is_named_however_the_record_names_it(medication: dict[str, Any], chart_with: Charts) -> None:
    request = {"resourceType": "MedicationRequest", "status": "active", "dosageInstruction": [{"text": "75 mg"}, {"text": "at night"}]}
    (line,) = lines.medications(chart_with({**request, **medication}), CLOCK)
    assert (line.title, line.detail, line.status) == ("Aspirin", "75 mg; at night", "active")


def test_an_allergy_tells_its_reactions_with_their_severity(chart_with: Charts) -> None:
    reactions = [{"manifestation": [{"text": "Rash"}], "severity": "mild"}, {"severity": "severe"}]
    allergy = {"resourceType": "AllergyIntolerance", "code": {"text": "Latex"}, "criticality": "low", "reaction": reactions}
    over = {"resourceType": "AllergyIntolerance", "code": {"text": "Egg"}, "clinicalStatus": coded("resolved")}
    chart = chart_with(over, allergy)
    assert [(line.title, line.detail) for line in lines.allergies(chart, CLOCK)] == [
        ("Latex", "Rash (mild); severe; criticality low"),
        ("Egg", ""),
    ]
    assert [lines.allergy_name(fact) for fact in lines.active_allergies(chart)] == ["Latex"]


def test_orders_tell_why_and_visits_where(chart_with: Charts) -> None:
    chart = chart_with(
        {"resourceType": "ServiceRequest", "status": "active", "code": {"text": "CT"}, "reasonCode": [{"text": "Pain"}]},
        {"resourceType": "Encounter", "status": "in-progress", "class": {"code": "EMER"}, "reasonCode": [{"text": "Fall"}]},
        {"resourceType": "Encounter", "status": "finished", "class": {"code": "X", "display": "Tent"}},
    )
    (order,) = lines.orders(chart, CLOCK)
    assert (order.title, order.detail) == ("CT", "Pain")
    assert {(line.title, line.detail, line.status) for line in lines.encounters(chart, CLOCK)} == {
        ("Fall", "Emergency", "in progress"),
        ("Not named", "Tent", "finished"),
    }


def test_a_device_is_the_patients_when_it_says_so(chart_with: Charts) -> None:
    device = {"resourceType": "Device", "type": {"text": "Pacemaker"}, "manufactureDate": "2017-01-15", "status": "active"}
    done = {"resourceType": "Procedure", "status": "completed", "code": {"text": "Implantation"}, "performedDateTime": "2017-06-09"}
    found = lines.procedures(chart_with(done, device), CLOCK)
    assert [(line.title, line.detail, line.when) for line in found] == [
        ("Implantation", "Procedure", "9 Jun 2017"),
        ("Pacemaker", "Device", "15 Jan 2017"),
    ]
