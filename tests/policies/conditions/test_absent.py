"""Nothing of a value set in the window: said only after a complete pull."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from policies.conditions import Answer, parse_condition
from policies.errors import ConditionInvalid

Ask = Callable[..., Answer]
NO_INR = {"absent": {"value_set": "inr", "within_days": 30}}
NO_STATUS = {"absent": {"value_set": "pregnancy_status", "except_answer": "unknown_answer"}}
NO_AKI = {"absent": {"value_set": "aki", "resource_types": ["Observation", "Condition"]}}
INR = {"resourceType": "Observation", "status": "final", "code": {"text": "INR"}, "effectiveDateTime": "2026-11-20",
       "valueQuantity": {"value": 1.1}}  # fmt: skip
STATUS = {**INR, "code": {"text": "Pregnancy status"}}
AKI = {"resourceType": "Condition", "code": {"text": "AKI"}}


def without(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


@pytest.mark.std("E5")
@pytest.mark.parametrize(
    ("resources", "value"),
    [
        ([], True),
        ([INR], False),
        ([{**INR, "effectiveDateTime": "2026-09-20"}], True),
        ([{**INR, "effectiveDateTime": "2026-12-20"}], True),
        ([{**INR, "effectiveDateTime": "2026-10"}], None),
        ([without(INR, "effectiveDateTime")], None),
        ([{**INR, "status": "preliminary"}], None),
        ([{**INR, "status": "preliminary"}, INR], False),
        ([{**INR, "status": "cancelled"}], True),
        ([{**INR, "status": "entered-in-error"}], True),
        ([without(INR, "valueQuantity")], True),
        ([{**INR, "dataAbsentReason": {"text": "clotted"}}], True),
        ([{**INR, "valueQuantity": {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason"}]}}], True),
        ([{**INR, "code": {"text": "Potassium"}}], True),
    ],
)
def test_an_observation_in_the_window_with_a_value_is_something(ask: Ask, resources: list[Any], value: bool | None) -> None:
    assert ask(NO_INR, *resources).value is value


@pytest.mark.fault(7)
@pytest.mark.parametrize(("state", "value"), [("complete", True), ("truncated", None), ("refused", None), ("not asked", None)])
def test_none_is_not_said_of_a_pull_with_gaps(ask: Ask, state: str, value: bool | None) -> None:
    assert ask(NO_INR, pulled={"Observation": state}).value is value
    assert ask(NO_INR, INR, pulled={"Observation": state}).value is False


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"valueCodeableConcept": {"text": "Pregnant"}}, False),
        ({"valueCodeableConcept": {"text": "Unknown"}}, True),
        ({"valueCodeableConcept": {"coding": [{"system": "http://loinc.org", "code": "LA4489-6"}]}}, True),
        ({"valueString": "indeterminate"}, True),
        ({"valueString": "not pregnant"}, False),
    ],
)
def test_an_answer_that_says_unknown_is_nothing(ask: Ask, given: dict[str, Any], value: bool) -> None:
    assert ask(NO_STATUS, {**without(STATUS, "valueQuantity"), **given}).value is value


@pytest.mark.parametrize(("clinical", "value"), [("active", False), ("resolved", True), ("remission", True), (None, False)])
def test_a_problem_that_is_over_is_nothing(ask: Ask, clinical: str | None, value: bool) -> None:
    problem = {**AKI, **({"clinicalStatus": {"coding": [{"code": clinical}]}} if clinical else {})}
    assert ask(NO_AKI, problem).value is value
    assert ask(NO_AKI, problem, pulled={"Condition": "failed"}).value is (False if value is False else None)


def test_the_basis_of_a_yes_names_what_was_looked_for_and_where_long(ask: Ask) -> None:
    assert [basis.detail for basis in ask(NO_INR).basis] == ["none in a complete pull: inr in 30 days"]
    assert [basis.reference for basis in ask(NO_INR, INR).basis] == ["Observation/observation-1"]


def test_refuses_a_resource_type_that_holds_no_clinical_fact() -> None:
    with pytest.raises(ConditionInvalid, match="resource_types"):
        parse_condition({"absent": {"value_set": "inr", "resource_types": ["Encounter"]}})
