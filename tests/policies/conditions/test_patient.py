"""Age and sex in three values."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.conditions import evaluate, parse_condition
from policies.conditions.patient import age_span
from policies.rule_case import Given, policy_case

BIRTH_SEX = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
CLINICAL_USE = "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse"


@pytest.mark.fault(14)
@pytest.mark.parametrize(
    ("birth_date", "value"),
    [
        ("2008-11-24", True),
        ("2008-11-23", False),
        ("2008", None),
        ("2009", True),
        ("2007", False),
        ("2008-11", None),
        ("2008-12", True),
        ("2026", True),
        ("2027-01-01", None),
        ("around 2000", None),
        (None, None),
        (1990, None),
        ("2008-13", None),
    ],
)
def test_below_18(birth_date: object, value: bool | None) -> None:
    patient = {} if birth_date is None else {"birthDate": birth_date}
    assert evaluate(parse_condition({"age": {"below": 18}}), policy_case(Given(patient=patient))).value is value


@given(st.dates(date(1900, 1, 1), date(2026, 11, 23)))
def test_a_partial_date_spans_the_ages_of_its_days(born: date) -> None:
    today = date(2026, 11, 23)
    exact = age_span(born.isoformat(), today)
    assert exact is not None
    assert exact[0] == exact[1]
    for text in (born.isoformat()[:7], born.isoformat()[:4]):
        span = age_span(text, today)
        assert span is not None
        assert span[0] <= exact[0] <= span[1]
    later = age_span((born + timedelta(days=366)).isoformat(), today)
    assert later is None or later[0] < exact[0]


def extension(url: str, **value: Any) -> dict[str, Any]:
    return {"extension": [{"url": url, **value}]}


@pytest.mark.parametrize(
    ("patient", "value", "source"),
    [
        ({"gender": "female"}, True, "administrative gender"),
        ({"gender": "male"}, False, "administrative gender"),
        ({"gender": "other"}, None, "not stated"),
        ({}, None, "not stated"),
        ({"gender": "male", **extension(BIRTH_SEX, valueCode="F")}, True, "birth sex"),
        ({"gender": "female", **extension(BIRTH_SEX, valueCode="UNK")}, True, "administrative gender"),
        (
            {
                "gender": "female",
                **extension(CLINICAL_USE, extension=[{"url": "value", "valueCodeableConcept": {"coding": [{"code": "male-typical"}]}}]),
            },
            False,
            "clinical use",
        ),
        (
            {
                "gender": "female",
                **extension(CLINICAL_USE, extension=[{"url": "value", "valueCodeableConcept": {"coding": [{"code": "specified"}]}}]),
            },
            None,
            "clinical use",
        ),
    ],
)
def test_sex_for_clinical_use_goes_before_gender(patient: dict[str, Any], value: bool | None, source: str) -> None:
    answer = evaluate(parse_condition({"sex": {"is": "female"}}), policy_case(Given(patient=patient)))
    assert answer.value is value
    assert source in answer.basis[0].detail
