"""Validation with fhir.resources R4B."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir.chart import chart_of
from fhir.errors import DraftInvalid
from fhir.models import quality_of, require_valid, validate, validate_fact

SOUND: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"text": "Creatinine"},
    "valueQuantity": {"value": Decimal("1.00"), "unit": "mg/dL"},
}


def test_a_sound_resource_has_no_issue() -> None:
    assert validate("Observation", SOUND) == ()
    require_valid(SOUND)


@pytest.mark.parametrize(
    ("change", "element"),
    [
        ({"id": "under_score"}, "id"),
        ({"effectiveDateTime": "2024-03-01T10:00:00"}, "effectiveDateTime"),
        ({"colour": "red"}, "colour"),
        ({"code": {"text": ""}}, "code"),
    ],
)
def test_names_the_element_and_never_its_value(change: dict[str, Any], element: str) -> None:
    issues = validate("Observation", {**SOUND, **change})
    assert issues
    assert all(issue.code == "invalid" for issue in issues)
    assert any(issue.detail.startswith(element) for issue in issues)
    assert not any(str(value) in issue.detail for issue in issues for value in change.values() if value)


def test_a_type_without_a_model_is_said_to_have_none() -> None:
    assert [issue.code for issue in validate("MedicinalProduct", {"id": "x"})] == ["no_model"]


def test_r4_resources_that_r5_models_refuse_pass() -> None:
    request = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {"text": "apixaban"},
    }
    assert validate("MedicationRequest", request) == ()


def test_a_fact_that_fails_is_kept_with_its_issue() -> None:
    chart = chart_of({"resourceType": "Patient", "id": "p"}, [SOUND, {**SOUND, "id": "bad_id"}])
    assert len(chart.facts) == 2
    assert validate_fact(chart.facts[0]) == ()
    issues = quality_of(chart, frozenset({"Observation/o1", "Observation/bad_id"}))
    assert {issue.reference for issue in issues} == {"Observation/bad_id"}
    assert quality_of(chart, frozenset({"Observation/o1"})) == ()


def test_a_draft_that_fails_is_not_let_out() -> None:
    with pytest.raises(DraftInvalid, match="colour"):
        require_valid({**SOUND, "colour": "red"})
