"""What counts as taken now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from fhir.chart import Chart
from tools import medications


@pytest.mark.parametrize(
    ("kind", "status", "shown"),
    [
        ("MedicationRequest", "active", True),
        ("MedicationRequest", "on-hold", True),
        ("MedicationStatement", "active", True),
        ("MedicationStatement", "unknown", True),
        ("MedicationRequest", "stopped", False),
        ("MedicationRequest", "completed", False),
        ("MedicationRequest", "cancelled", False),
        ("MedicationRequest", "entered-in-error", False),
    ],
)
def test_shows_a_medicine_by_its_status(make_chart: Callable[..., Chart], as_of: datetime, kind: str, status: str, shown: bool) -> None:
    chart = make_chart({"resourceType": kind, "status": status, "intent": "order", "medicationCodeableConcept": {"text": "Apixaban 5 mg"}})
    found = medications.look_up(chart, "Patient/p", as_of)
    assert [item.status for item in found] == ([status] if shown else [])


def test_newest_first_and_bounded(make_chart: Callable[..., Chart], as_of: datetime) -> None:
    chart = make_chart(
        *(
            {
                "resourceType": "MedicationRequest",
                "status": "active",
                "intent": "order",
                "authoredOn": f"20{n:02}-01-01",
                "medicationCodeableConcept": {"text": f"drug {n}"},
            }
            for n in range(10, 20)
        )
    )
    assert [item.when for item in medications.look_up(chart, "Patient/p", as_of, most=2)] == ["2019-01-01", "2018-01-01"]
