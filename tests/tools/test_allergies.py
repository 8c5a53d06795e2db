"""Allergies: severe first, over ones left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fhir.chart import Chart
from tools import allergies


def allergy(name: str, clinical: str = "active", **more: Any) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "code": {"text": name}, "clinicalStatus": {"coding": [{"code": clinical}]}, **more}


def test_severe_and_highly_critical_ones_come_first(make_chart: Callable[..., Chart], as_of: datetime) -> None:
    chart = make_chart(
        allergy("dust"),
        allergy("latex", reaction=[{"severity": "mild"}]),
        allergy("iohexol", reaction=[{"severity": "moderate"}, {"severity": "severe"}]),
        allergy("penicillin", criticality="high"),
    )
    named = [item.quotes[0].text for item in allergies.look_up(chart, "Patient/p", as_of)]
    assert set(named[:2]) == {"iohexol", "penicillin"}
    assert named[2:] == ["latex", "dust"]


def test_one_that_is_over_or_refuted_is_left_out(make_chart: Callable[..., Chart], as_of: datetime) -> None:
    refuted = allergy("latex", verificationStatus={"coding": [{"code": "refuted"}]})
    assert allergies.look_up(make_chart(allergy("dust", "resolved"), refuted), "Patient/p", as_of) == ()
