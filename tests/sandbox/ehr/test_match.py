"""Whether a resource answers a criterion."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr.match import PatientForm, criterion
from sandbox.ehr.parameters import PARAMETERS, Parameter

BASE = "http://ehr/fhir"
CODE = Parameter("code", "token", ("code",))
SUBJECT = Parameter("subject", "reference", ("subject",))
PATIENT = Parameter("patient", "reference", ("subject",), "Patient")
NAME = Parameter("name", "string", ("name.family",))
CONCEPT = {"code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}, {"code": "local"}], "text": "Hb"}}


def matches(parameter: Parameter, text: str, body: Any, modifier: str = "", form: PatientForm = "either") -> bool | None:
    made = criterion(parameter, modifier, text, BASE, form)
    return None if made is None else made.matches(body)


@pytest.mark.parametrize(
    ("text", "body", "expected"),
    [
        ("718-7", CONCEPT, True),
        ("http://loinc.org|718-7", CONCEPT, True),
        ("http://snomed.info/sct|718-7", CONCEPT, False),
        ("http://loinc.org|", CONCEPT, True),
        ("|local", CONCEPT, True),
        ("|718-7", CONCEPT, False),
        ("x,718-7", CONCEPT, True),
        (r"718\,7", {"code": "718,7"}, True),
        (r"a\|b", {"code": "a|b"}, True),
        ("Hb", CONCEPT, False),
        ("final", {"code": "final"}, True),
        ("Final", {"code": "final"}, False),
        ("true", {"code": True}, True),
        ("urn:x|7", {"code": [{"system": "urn:x", "value": "7"}]}, True),
        ("7", {"code": 7}, False),
        ("718-7", {}, False),
    ],
)
@pytest.mark.std("E2")
def test_a_token_is_a_code_with_or_without_its_system(text: str, body: Any, expected: bool) -> None:
    assert matches(CODE, text, body) is expected


@pytest.mark.parametrize(
    ("parameter", "text", "modifier", "reference", "expected"),
    [
        (PATIENT, "p1", "", "Patient/p1", True),
        (PATIENT, "Patient/p1", "", "Patient/p1", True),
        (PATIENT, f"{BASE}/Patient/p1", "", "Patient/p1/_history/2", True),
        (PATIENT, "p1", "", f"{BASE}/Patient/p1", True),
        (PATIENT, "p1", "", "Group/p1", False),
        (PATIENT, "Group/p1", "", "Group/p1", False),
        (PATIENT, "p2,p1", "", "Patient/p1", True),
        (PATIENT, "p", "", "Patient/p1", False),
        (SUBJECT, "p1", "", "Group/p1", True),
        (SUBJECT, "Group/p1", "", "Patient/p1", False),
        (SUBJECT, "p1", "Group", "Group/p1", True),
        (SUBJECT, "p1", "Patient", "Group/p1", False),
        (PATIENT, "http://other/fhir/Patient/p1", "", "Patient/p1", False),
        (PATIENT, "p1", "", "#contained", False),
    ],
)
@pytest.mark.std("E2")
def test_a_reference_is_asked_for_by_id_by_type_and_id_or_by_url(
    parameter: Parameter, text: str, modifier: str, reference: str, expected: bool
) -> None:
    assert matches(parameter, text, {"subject": {"reference": reference}}, modifier) is expected


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [("bare", "p1", True), ("bare", "Patient/p1", False), ("typed", "p1", False), ("typed", "Patient/p1", True)],
)
@pytest.mark.std("E2")
def test_a_server_that_wants_one_form_of_patient_finds_nothing_for_the_other(form: PatientForm, text: str, expected: bool) -> None:
    assert matches(PATIENT, text, {"subject": {"reference": "Patient/p1"}}, form=form) is expected


@pytest.mark.parametrize(
    ("text", "modifier", "expected"),
    [("am", "", True), ("Mes", "", False), ("Ames", "exact", True), ("ames", "exact", False), ("true", "missing", False)],
)
def test_a_string_begins_as_asked_or_with_exact_is_as_asked(text: str, modifier: str, expected: bool) -> None:
    assert matches(NAME, text, {"name": [{"family": "Ames"}]}, modifier) is expected


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("false", False)])
def test_missing_asks_whether_the_element_is_absent(text: str, expected: bool) -> None:
    assert matches(CODE, text, {}, "missing") is expected


@pytest.mark.parametrize(
    ("name", "modifier", "text"),
    [
        ("code", "text", "x"),
        ("code", "missing", "maybe"),
        ("code", "", "a,,b"),
        ("date", "", "soon"),
        ("date", "exact", "2024"),
        ("subject", "patient", "p1"),
        ("subject", "Patient", "Patient/p1"),
    ],
)
def test_a_value_or_modifier_that_cannot_be_evaluated_makes_no_criterion(name: str, modifier: str, text: str) -> None:
    assert criterion(PARAMETERS["Observation"][name], modifier, text) is None
