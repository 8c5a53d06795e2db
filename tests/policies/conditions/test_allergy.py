"""Allergies by how severe the record says they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.conditions import Answer

Ask = Callable[..., Answer]
ACTIVE = {"clinicalStatus": {"coding": [{"code": "active"}]}}
CONTRAST = {"resourceType": "AllergyIntolerance", "code": {"text": "Iodinated contrast"}, **ACTIVE}
SEVERE = {"reaction": [{"severity": "severe"}]}
MILD = {"reaction": [{"severity": "mild"}]}


def allergy(severity: str) -> dict[str, Any]:
    return {"allergy": {"value_set": "contrast_allergy", "severity": severity}}


@pytest.mark.parametrize(
    ("fields", "any_", "severe", "not_severe"),
    [
        ({}, True, None, None),
        (SEVERE, True, True, False),
        (MILD, True, False, True),
        ({"criticality": "high"}, True, True, False),
        ({"criticality": "low"}, True, False, True),
        ({"criticality": "unable-to-assess"}, True, None, None),
        ({"criticality": "low", **SEVERE}, True, True, False),
        ({"criticality": "high", **MILD}, True, True, False),
        ({"reaction": [{"severity": "mild"}, {"severity": "severe"}]}, True, True, False),
        ({"reaction": [{}]}, True, None, None),
    ],
)
def test_severity_is_criticality_or_the_worst_reaction(
    *, ask: Ask, fields: dict[str, Any], any_: bool | None, severe: bool | None, not_severe: bool | None
) -> None:
    given = {**CONTRAST, **fields}
    assert ask(allergy("any"), given).value is any_
    assert ask(allergy("severe"), given).value is severe
    assert ask(allergy("not_severe"), given).value is not_severe


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"clinicalStatus": {"coding": [{"code": "resolved"}]}}, False),
        ({"clinicalStatus": {"coding": [{"code": "inactive"}]}}, False),
        ({"clinicalStatus": None}, None),
        ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, False),
        ({"recordedDate": "2027-01-01"}, False),
        ({"code": {"text": "No known contrast allergy"}}, False),
        ({"code": {"text": "Peanut"}}, False),
        ({"code": {"text": "Drug"}, "reaction": [{"substance": {"text": "Iohexol"}, "severity": "severe"}]}, True),
    ],
)
def test_only_a_standing_allergy_of_the_value_set_counts(ask: Ask, change: dict[str, Any], value: bool | None) -> None:
    assert ask(allergy("severe"), {**CONTRAST, **SEVERE, **change}).value is value


@pytest.mark.fault(7)
@pytest.mark.parametrize("severity", ["any", "severe", "not_severe"])
def test_no_allergy_listed_and_allergies_not_available_differ(ask: Ask, severity: str) -> None:
    assert ask(allergy(severity)).value is False
    assert ask(allergy(severity), pulled={"AllergyIntolerance": "refused"}).value is None


def test_the_basis_says_how_severe(ask: Ask) -> None:
    details = [ask(allergy("any"), {**CONTRAST, **fields}).basis[0].detail for fields in (SEVERE, MILD, {})]
    assert details == ["contrast allergy, severe", "contrast allergy, not severe", "contrast allergy, severity not stated"]


def test_a_severity_of_the_wrong_shape_is_not_stated(ask: Ask) -> None:
    fact = {"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": [{"code": "active"}]}, "code": {"text": "Iohexol"},
            "reaction": [{"severity": {}}]}  # fmt: skip
    assert ask({"allergy": {"value_set": "contrast_allergy", "severity": "severe"}}, fact).value is None
