"""Typed reads over facts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fhir.chart import Fact, chart_of
from fhir.jsontext import dumps
from fhir.views import (
    age_at,
    clinical_status,
    codings,
    concept_text,
    newest_first,
    quantity,
    settled,
    subject_reference,
    unusable_because,
    usable,
    when,
)

Body = dict[str, Any]
ABSENT: Body = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"


def _fact(resource_type: str = "Observation", **elements: Any) -> Fact:
    return Fact(resource_type, "x", dumps({"resourceType": resource_type, "id": "x", **elements}))


def test_reads_codings_and_how_the_record_calls_them() -> None:
    concept = {"coding": [{"system": LOINC, "code": "2160-0", "display": "Creatinine"}, {"code": "no system"}], "text": "Crea"}
    assert codings(concept) == ((LOINC, "2160-0"),)
    assert concept_text(concept) == "Crea"
    assert concept_text({"coding": concept["coding"]}) == "Creatinine"
    assert codings({"system": LOINC, "code": "1"}) == ((LOINC, "1"),)
    assert (codings(None), concept_text(None), concept_text({})) == ((), "", "")


@pytest.mark.std("E5")
def test_a_quantity_keeps_its_digits_comparator_and_unit() -> None:
    element = {"value": Decimal("5.00"), "comparator": "<", "unit": "mg/dL", "system": UCUM, "code": "mg/dL"}
    found = quantity(_fact(valueQuantity=element))
    assert found is not None
    assert (found.value, found.text, found.comparator, found.unit, found.code) == (Decimal(5), "5.00", "<", "mg/dL", "mg/dL")
    bare = quantity(_fact(valueQuantity={"value": 7, "unit": "somethings", "code": "x"}))
    assert bare is not None
    assert (bare.code, bare.unit) == (None, "somethings")


@pytest.mark.parametrize(
    "element", [None, {}, {"unit": "mg"}, {"value": "5"}, {"value": True}, {"value": 5, **ABSENT}, {"value": 5, "_value": ABSENT}]
)
def test_no_number_and_one_declared_absent_is_no_quantity(element: Any) -> None:
    assert quantity(_fact(valueQuantity=element)) is None


@pytest.mark.std("E5")
def test_a_value_beside_the_reason_why_there_is_none_is_not_read() -> None:
    value, reason = {"value": 5, "unit": "mg"}, {"text": "hemolysed"}
    assert quantity(_fact(valueQuantity=value, dataAbsentReason=reason)) is None


@pytest.mark.std("E5")
@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("stated", "answer"),
    [
        ("final", True),
        ("amended", True),
        ("corrected", True),
        ("preliminary", False),
        ("registered", False),
        ("unknown", False),
        (None, False),
    ],
)
def test_a_result_is_settled_once_it_is_final_and_stays_so_when_amended(stated: str | None, answer: bool) -> None:
    assert settled(_fact(**({"status": stated} if stated else {}))) is answer


@pytest.mark.fault(14)
@pytest.mark.parametrize(
    ("elements", "text"),
    [
        ({"effectiveDateTime": "2024-03-01T10:00:00Z", "issued": "2025-01-01T00:00:00Z"}, "2024-03-01T10:00:00Z"),
        ({"effectivePeriod": {"start": "2024-03"}}, "2024-03"),
        ({"onsetDateTime": "2024", "recordedDate": "2025-01-01"}, "2024"),
        ({"performedPeriod": {"end": "2024-03-02"}}, "2024-03-02"),
        ({"effectiveDateTime": "yesterday", "issued": "2024-01-01T00:00:00Z"}, "2024-01-01T00:00:00Z"),
        ({"effectiveDateTime": "1900-01-01", "_effectiveDateTime": ABSENT, "issued": "2024-01-01T00:00:00Z"}, "2024-01-01T00:00:00Z"),
        ({"effectivePeriod": {"start": "1900", "_start": ABSENT, "end": "2024-01"}}, "2024-01"),
    ],
)
def test_says_when_with_the_precision_of_the_record(elements: Body, text: str) -> None:
    found = when(_fact(**elements))
    assert found is not None
    assert found.text == text


def test_without_a_time_there_is_no_when_and_the_fact_comes_last() -> None:
    undated, old, new = _fact(), _fact(effectiveDateTime="2020"), _fact(effectiveDateTime="2024")
    assert when(undated) is None
    assert newest_first((undated, old, new)) == (new, old, undated)


@pytest.mark.std("E3")
@pytest.mark.fault(13)
@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"status": "entered-in-error"}, "status"),
        ({"status": "cancelled"}, "status"),
        ({"verificationStatus": {"coding": [{"code": "refuted"}]}}, "verificationStatus"),
        ({"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}, "verificationStatus"),
        ({"modifierExtension": [{"url": "urn:negated", "valueBoolean": True}]}, "modifier"),
        ({"component": [{"modifierExtension": [{"url": "urn:x"}]}]}, "modifier"),
        ({"modifierExtension": [{"url": []}]}, "modifier"),
        ({"focus": [{"reference": "RelatedPerson/fetus"}], "subject": {"reference": "Patient/p"}}, "somebody else"),
        ({"status": ["entered-in-error"], "modifierExtension": {"url": "urn:x"}}, "modifier"),
    ],
)
def test_a_withdrawn_refuted_or_modified_fact_is_not_usable(elements: Body, reason: str) -> None:
    assert not usable(_fact(**elements))
    assert reason in unusable_because(_fact(**elements))


@pytest.mark.fault(13)
def test_a_modifier_is_seen_however_its_name_is_spelled_and_a_fact_without_one_is_not_parsed_for_it() -> None:
    spelled = Fact("Observation", "x", rb'{"resourceType":"Observation","id":"x","modifier\u0045xtension":[{"url":"urn:x"}]}')
    assert not usable(spelled)
    plain = _fact(status="final")
    assert usable(plain)
    assert "body" not in vars(plain)


def test_looking_a_fact_over_gives_what_its_body_gives() -> None:
    fact = _fact(status="final", effectiveDateTime="2024-03-01", valueQuantity={"value": Decimal("1.00")})
    only = fact.only("effectiveDateTime", "valueQuantity", "issued")
    assert (dict(only), "body" in vars(fact)) == ({"effectiveDateTime": "2024-03-01", "valueQuantity": {"value": Decimal("1.00")}}, False)
    assert str(only["valueQuantity"]["value"]) == "1.00"
    assert fact.body["effectiveDateTime"] == fact.only("effectiveDateTime")["effectiveDateTime"]


def test_an_ordinary_fact_is_usable() -> None:
    fact = _fact("Condition", status="final", clinicalStatus={"coding": [{"code": "active"}]}, extension=[{"url": "urn:x"}])
    assert usable(fact)
    assert clinical_status(fact) == "active"


def test_reads_whose_a_fact_is() -> None:
    assert subject_reference(_fact("AllergyIntolerance", patient={"reference": "Patient/p"})) == "Patient/p"
    assert subject_reference(_fact(subject={"display": "somebody"})) is None


@pytest.mark.parametrize(
    ("born", "died", "at", "age"),
    [
        ("1960-05-17", None, "2024-05-16", 63),
        ("1960-05-17", None, "2024-05-17", 64),
        ("1960", None, "2024-12-31", 64),
        ("1960", None, "2024-05-17", None),
        ("1960-05", None, "2024-04-01", 63),
        ("1960-05-17", "2000-06-01", "2024-05-17", 40),
        ("2030-01-01", None, "2024-01-01", None),
        (None, None, "2024-01-01", None),
        ("unknown", None, "2024-01-01", None),
    ],
)
def test_gives_an_age_only_when_the_birth_date_tells(born: str | None, died: str | None, at: str, age: int | None) -> None:
    body: Body = {"resourceType": "Patient", "id": "p"}
    body |= {key: value for key, value in (("birthDate", born), ("deceasedDateTime", died)) if value}
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert age_at(chart_of(body), moment) == age
    assert age_at(chart_of({**body, "_birthDate": ABSENT}), moment) is None
