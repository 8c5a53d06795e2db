"""The newest value: windows, bounds, units, comparators, statuses, gaps."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.conditions import Answer, evaluate, parse_condition
from policies.errors import ConditionInvalid
from policies.rule_case import Given, policy_case

UCUM = "http://unitsofmeasure.org"
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
BELOW_30 = {"latest_observation": {"value_set": "egfr", "unit": "mL/min/{1.73_m2}", "within_days": 30, "below": 30}}


def egfr(value: object, date: str | None = "2026-11-20", status: str | None = "final", **quantity: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "resourceType": "Observation",
        "code": {"coding": [{"system": "http://loinc.org", "code": "33914-3"}]},
        "valueQuantity": {"value": value, "unit": "mL/min/1.73m2", **quantity},
    }
    return {**body, **({"status": status} if status else {}), **({"effectiveDateTime": date} if date else {})}


def ask(condition: Mapping[str, Any], *resources: Mapping[str, Any], **given_more: Any) -> Answer:
    return evaluate(parse_condition(condition), policy_case(Given(resources=resources, **given_more)))


@pytest.mark.parametrize(
    ("resources", "value"),
    [
        ([egfr(27)], True),
        ([egfr(30)], False),
        ([], False),
        ([egfr(27, "2026-10-01")], False),
        ([egfr(27, "2027-01-01")], False),
        ([egfr(27, "2026-11-23")], True),
        ([egfr(27, "2026-10-24T12:00:00Z")], True),
        ([egfr(27, "2026-10-24T11:59:59Z")], False),
        ([egfr(27, "2026-10")], None),
        ([egfr(27, "2026-11")], True),
        ([egfr(27, None)], None),
        ([egfr(27, "2026-11-01"), egfr(60, "2026-11-20")], False),
        ([egfr(60, "2026-11-01"), egfr(27, "2026-11-20")], True),
        ([egfr(60, "2026-11-20"), egfr(27, "2026-11-20")], None),
        ([egfr(20, "2026-11-20"), egfr(27, "2026-11-20")], True),
        ([egfr(27, status="preliminary")], None),
        ([egfr(27, status=None)], None),
        ([egfr(27, status="amended")], True),
        ([egfr(27, status="cancelled")], False),
        ([egfr(27, status="entered-in-error")], False),
        ([egfr(60, "2026-11-19"), egfr(27, "2026-11-20", status="preliminary")], None),
        ([egfr(25, "2026-11-19"), egfr(27, "2026-11-20", status="preliminary")], True),
        ([egfr(25, "2026-11-20"), egfr(60, "2026-11-10", status="preliminary")], True),
        ([egfr(30, comparator="<")], True),
        ([egfr(30, comparator="<=")], None),
        ([egfr(60, comparator=">")], False),
        ([egfr(20, comparator=">")], None),
        ([egfr(27, comparator="~")], None),
        ([egfr(None)], None),
        ([egfr("27")], None),
        ([egfr(27, unit="mL/min")], None),
        ([egfr(27, unit="furlong")], None),
        ([egfr("0.45", unit="mL/s/1.73m2")], None),
        ([egfr(0.45, unit="mL/s/1.73m2")], True),
        ([{**egfr(27), "valueQuantity": None}], None),
        ([egfr(5, comparator="<")], True),
        ([egfr(4, comparator=">")], None),
        ([egfr(45, comparator=">=")], False),
        ([{**egfr(27), "dataAbsentReason": {"text": "hemolysed"}}], None),
        ([egfr(27, _value=ABSENT)], None),
        ([egfr(27, extension=ABSENT["extension"])], None),
        ([egfr(27, unit="x", code="mL/min", system=UCUM)], None),
        ([egfr(0.027, unit="litres", code="L/min/{1.73_m2}", system=UCUM)], True),
        ([egfr(0.027, unit="litres", code="L/min/{1.73_m2}")], None),
        ([{**egfr(27), "_effectiveDateTime": ABSENT}], None),
        ([{"resourceType": "Observation", "status": "final", "code": {"text": "eGFR"}, "effectiveDateTime": "2026-11-20",
           "dataAbsentReason": {"text": "hemolysed"}}], False),
        ([{"resourceType": "Observation", "status": "final", "code": {"text": "eGFR"}, "effectiveDateTime": "2026-11-20",
           "valueString": "low"}], None),
    ],
)  # fmt: skip
@pytest.mark.fault(14)
def test_below_30_in_30_days(resources: list[dict[str, Any]], value: bool | None) -> None:
    assert ask(BELOW_30, *resources).value is value


@pytest.mark.parametrize("state", ["refused", "truncated", "failed", "not asked"])
def test_none_and_not_available_are_not_the_same(state: str) -> None:
    assert ask(BELOW_30).value is False
    lost = ask(BELOW_30, pulled={"Observation": state})
    assert lost.value is None
    assert lost.basis[0].detail == f"Observation: {state}"


def test_a_truncated_pull_may_have_lost_the_newest_value() -> None:
    assert ask(BELOW_30, egfr(80), pulled={"Observation": "truncated"}).value is None


def test_the_basis_says_what_was_read() -> None:
    (basis,) = ask(BELOW_30, egfr(27, "2026-11-21T08:00:00Z")).basis
    assert (basis.reference, basis.detail) == ("Observation/observation-1", "27 mL/min/1.73m2 on 2026-11-21")


@pytest.mark.fault(15)
@given(st.decimals(min_value=1, max_value=900, places=1), st.sampled_from([("10*3/uL", 1), ("10*9/L", 1), ("/uL", 1000), ("K/uL", 1)]))
def test_platelets_answer_alike_in_every_unit(value: Decimal, unit: tuple[str, int]) -> None:
    condition = {"latest_observation": {"value_set": "platelets", "unit": "10*9/L", "below": 50}}
    written = {"value": float(value * unit[1]), "unit": unit[0]}
    count = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "PLT"},
        "effectiveDateTime": "2026-11-20",
        "valueQuantity": written,
    }
    assert ask(condition, count).value is (value < 50)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(200, "umol/L", True), (2.3, "mg/dL", True), (100, "umol/L", False), (0.03, "g/L", True), (80, "%", None)],
)
def test_creatinine_converts_between_mass_and_substance(value: float, unit: str, expected: bool | None) -> None:
    condition = {"latest_observation": {"value_set": "creatinine", "unit": "mg/dL", "above": 2}}
    creatinine = {**egfr(value, unit=unit), "code": {"text": "Serum creatinine"}}
    assert ask(condition, creatinine).value is expected


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"value_set": "egfr", "unit": "mL/min/{1.73_m2}"}, "needs one of below"),
        ({"value_set": "egfr", "unit": "parsec", "below": 3}, "unit 'parsec' is not in the table"),
        ({"value_set": "gfr", "unit": "1", "below": 3}, "unknown value set 'gfr'"),
        ({"value_set": "egfr", "unit": "1", "below": 3, "window": 3}, "window: unknown key"),
        ({"value_set": "egfr", "unit": "1", "below": 3, "within_days": -1}, "within_days"),
    ],
)
def test_refuses_what_does_not_fit_and_names_it(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ConditionInvalid, match=named.replace("(", r"\(")):
        parse_condition({"latest_observation": settings})


def test_a_code_and_a_unit_that_contradict_each_other_tell_nothing() -> None:
    assert ask(BELOW_30, egfr(45, code="mL/min/{1.73_m2}")).value is False
    assert ask(BELOW_30, egfr(45, code="mL/min/{1.73_m2}", unit="mL/s/1.73m2")).value is None


def test_a_result_on_somebody_else_than_the_patient_is_not_the_patients() -> None:
    assert ask(BELOW_30, egfr(20)).value is True
    assert ask(BELOW_30, {**egfr(20), "focus": [{"reference": "Device/pump"}]}).value is True
    assert ask(BELOW_30, {**egfr(20), "focus": [{"reference": "RelatedPerson/donor"}]}).value is False


@pytest.mark.fault(13)
def test_a_newer_result_of_unknown_meaning_keeps_an_older_one_from_being_the_newest() -> None:
    modified = {**egfr(20), "modifierExtension": [{"url": "urn:unknown", "valueBoolean": True}]}
    assert ask(BELOW_30, egfr(80, "2026-11-10"), modified).value is None
