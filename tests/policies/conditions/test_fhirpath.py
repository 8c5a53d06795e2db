"""FHIRPath for selection only: what is let through, and that errors are a cannot-tell."""

from __future__ import annotations

from typing import Any

import pytest

from policies.conditions import evaluate, parse_condition
from policies.errors import ConditionInvalid
from policies.rule_case import Given, policy_case

ENCOUNTER = {"resourceType": "Encounter", "status": "in-progress", "class": {"code": "EMER"}}


def ask(expression: str, *, equals: str | None = None, kind: str = "Encounter", **more: Any) -> bool | None:
    settings = {"resource_type": kind, "expression": expression, **({} if equals is None else {"equals": equals})}
    case = Given(resources=(ENCOUNTER,), pulled={"Encounter": "complete", **more.pop("pulled", {})}, **more)
    return evaluate(parse_condition({"fhirpath": settings}), policy_case(case)).value


@pytest.mark.parametrize(
    ("expression", "equals", "value"),
    [
        ("Encounter.class.where(code = 'EMER')", None, True),
        ("Encounter.class.where(code = 'AMB')", None, False),
        ("Encounter.class.code", "EMER", True),
        ("Encounter.class.code", "AMB", False),
        ("Encounter.class.code = 'AMB'", None, False),
        ("Encounter.participant.exists()", None, False),
    ],
)
def test_selects(expression: str, equals: str | None, value: bool | None) -> None:
    assert ask(expression, equals=equals) is value


def test_a_refused_pull_is_not_a_no() -> None:
    assert ask("Encounter.class.where(code = 'AMB')", pulled={"Encounter": "refused"}) is None


def test_an_expression_that_fails_on_a_fact_is_a_cannot_tell() -> None:
    assert ask("Encounter.class.startsWith('E')") is None


def test_selects_on_the_patient() -> None:
    assert ask("Patient.generalPractitioner.exists()", kind="Patient") is False
    assert ask("Patient.gender", kind="Patient", equals="female", patient={"gender": "female"}) is True


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("Patient.name.trace('x')", "'trace' is not allowed"),
        ("Patient.name.family.matches('(a+)+$')", "'matches' is not allowed"),
        ("Patient.link.other.resolve()", "'resolve' is not allowed"),
        ("Patient.contact.repeat(name)", "'repeat' is not allowed"),
        ("Patient.birthDate > @2000", "not allowed in a selection"),
        ("Observation.value < 30", "not allowed in a selection"),
        ("Patient.where(", "do not balance"),
        ("(" * 400 + ")" * 0, "do not balance"),
        ("(" * 100 + "true" + ")" * 100, "nested deeper"),
        ("Patient.name" + ".given" * 100, "longer than"),
        ("%resource", "not allowed in a selection"),
    ],
)
def test_refuses_more_than_selection(expression: str, why: str) -> None:
    with pytest.raises(ConditionInvalid, match=why):
        parse_condition({"fhirpath": {"resource_type": "Patient", "expression": expression}})


def test_a_string_that_only_looks_like_a_call_is_no_call() -> None:
    assert ask("Encounter.class.where(code = 'trace(x)')") is False


def test_evaluation_leaves_the_fact_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    case = policy_case(Given(resources=(ENCOUNTER,), pulled={"Encounter": "complete"}))
    before = dict(case.chart.of_type("Encounter")[0].body)
    evaluate(parse_condition({"fhirpath": {"resource_type": "Encounter", "expression": "Encounter.class.code"}}), case)
    assert dict(case.chart.of_type("Encounter")[0].body) == before
    assert capsys.readouterr().out == ""
