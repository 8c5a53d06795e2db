"""What a chart is read from: everything of one patient, nothing of another, and nothing that was entered by mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.chart.record import date_of, first_text, in_category, listed, record_of, text_of
from sandbox.ehr.store import Store


def test_a_chart_holds_the_patients_own_and_what_it_refers_to(resources: tuple[dict[str, Any], ...]) -> None:
    store = Store([*resources, {"resourceType": "Medication", "id": "m"}, {"resourceType": "Group", "id": "g"}])
    chart = record_of(store, "metformin-egfr35")
    assert chart is not None
    own = {each["id"] for each in resources if "metformin-egfr35" in str(each)} - {"metformin-egfr35"}
    assert {fact.id for fact in chart.facts} == own | {"m"}


def test_of_nobody_there_is_no_chart_and_of_somebody_deleted_neither() -> None:
    store = Store([{"resourceType": "Patient", "id": "p"}])
    assert record_of(store, "q") is None
    store.delete("Patient", "p")
    assert record_of(store, "p") is None


@pytest.mark.parametrize(
    ("given", "stays"),
    [
        ({"status": "entered-in-error"}, False),
        ({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, False),
        ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, True),
        ({"status": "cancelled"}, True),
    ],
)
def test_what_was_entered_in_error_is_left_out_and_nothing_else(given: dict[str, Any], stays: bool, chart_with: Callable[..., Any]) -> None:
    assert bool(listed(chart_with({"resourceType": "Condition", **given}), "Condition")) is stays


def test_elements_of_another_shape_are_read_as_nothing(chart_with: Callable[..., Any]) -> None:
    (fact,) = listed(chart_with({"resourceType": "Observation", "category": "laboratory", "effectiveDateTime": 7}), "Observation")
    assert not in_category(fact, "laboratory")
    assert date_of(fact) is None
    assert text_of(7) == first_text("words") == ""
    assert first_text([{"text": ""}, {"text": "found"}]) == "found"
