"""Facts by concept and by code."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.chart import Chart, chart_of
from fhir.index import concepts, index_of
from fhir.value_sets import codings_of

Body = dict[str, Any]
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
APIXABAN: Body = {"coding": [{"system": RXNORM, "code": "1364430", "display": "apixaban"}]}
MEDICATION: Body = {"resourceType": "Medication", "id": "m", "code": APIXABAN}


def chart(*resources: Body) -> Chart:
    return chart_of({"resourceType": "Patient", "id": "p"}, [{"id": f"r{n}", **one} for n, one in enumerate(resources)])


def observation(code: str, date: str | None = None, **elements: Any) -> Body:
    body = {"resourceType": "Observation", "code": {"coding": [{"system": LOINC, "code": code}]}, **elements}
    return {**body, **({"effectiveDateTime": date} if date else {})}


def test_facts_of_a_code_come_newest_first_and_undated_last_whatever_their_status() -> None:
    found = chart(
        observation("2160-0", "2020"),
        observation("2160-0"),
        observation("2160-0", "2024-03-01", status="entered-in-error"),
        observation("718-7", "2024"),
        observation("2160-0", "2022"),
    )
    assert [fact.id for fact in index_of(found).coded("Observation", LOINC, "2160-0")] == ["r2", "r4", "r0", "r1"]
    assert index_of(found).coded("Observation", "urn:other", "2160-0") == index_of(found).coded("Condition", LOINC, "2160-0") == ()
    assert [fact.id for fact in index_of(found).newest("Observation")][:2] == ["r3", "r2"]


def test_a_chart_is_looked_over_once_and_its_facts_are_not_parsed_for_it() -> None:
    found = chart(*[observation("2160-0", f"2024-01-{day:02d}") for day in range(1, 20)], MEDICATION,
                  {"resourceType": "MedicationRequest", "medicationReference": {"reference": "Medication/m"}})  # fmt: skip
    assert index_of(found) is index_of(found)
    assert index_of(found).concepts("Observation") is index_of(found).concepts("Observation")
    assert index_of(found).coded("Observation", LOINC, "2160-0") is index_of(found).coded("Observation", LOINC, "2160-0")
    assert len(index_of(found).coded("MedicationRequest", RXNORM, "1364430")) == 1
    assert index_of(found).in_value_set("creatinine", "Observation") is index_of(found).in_value_set("creatinine", "Observation")
    assert len(index_of(found).in_value_set("creatinine", "Observation")) == 19
    assert [fact.id for fact in found if "body" in vars(fact)] == []


@pytest.mark.std("E3")
@pytest.mark.fault(20)
@pytest.mark.parametrize(
    ("elements", "codes", "words"),
    [
        ({"medicationCodeableConcept": APIXABAN}, {(RXNORM, "1364430")}, "apixaban"),
        ({"medicationReference": {"reference": "Medication/m"}}, {(RXNORM, "1364430")}, "apixaban"),
        ({"medicationReference": {"reference": "Medication/m/_history/2"}}, {(RXNORM, "1364430")}, "apixaban"),
        ({"medicationReference": {"reference": "#in"}, "contained": [{**MEDICATION, "id": "in"}]}, {(RXNORM, "1364430")}, "apixaban"),
        ({"medicationReference": {"display": "Eliquis"}}, set(), "Eliquis"),
        ({"medicationReference": {"reference": "Medication/m", "display": "Eliquis"}}, {(RXNORM, "1364430")}, "Eliquis; apixaban"),
        ({"medicationReference": {"reference": "Medication/none"}}, set(), ""),
        ({"medicationReference": {"reference": "Condition/c"}}, set(), ""),
        ({"medicationReference": {"reference": "#none"}, "contained": [{**MEDICATION, "id": "in"}]}, set(), ""),
        (
            {"medicationReference": {"reference": "#in"}, "contained": [{**MEDICATION, "id": "in", "code": [APIXABAN]}]},
            {(RXNORM, "1364430")},
            "apixaban",
        ),
        ({"medicationReference": {"reference": "#in"}, "contained": [{**MEDICATION, "id": "in", "code": "apixaban"}]}, set(), ""),
        ({"medicationReference": {"reference": ["Medication/m"]}}, set(), ""),
        ({"medicationReference": "Medication/m"}, set(), ""),
    ],
    ids=[
        "here",
        "relative",
        "versioned",
        "contained",
        "words alone",
        "words and reference",
        "dangling",
        "of another type",
        "contained and dangling",
        "contained, a list of codes",
        "contained, a text for a code",
        "a list for a reference",
        "a text for a reference",
    ],
)
def test_a_medication_is_named_through_its_reference_and_by_nothing_malformed(elements: Body, codes: set[Any], words: str) -> None:
    order = {"resourceType": "MedicationRequest", **elements}
    other = {"resourceType": "Condition", "id": "c", "code": APIXABAN}
    ((named, text),) = index_of(chart(MEDICATION, other, order)).concepts("MedicationRequest")
    assert (named, text) == (codes, words)


SHAPES = st.recursive(
    st.none() | st.text(max_size=3) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["coding", "code", "system", "text", "display", "reference", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(["code", "type", "medicationReference", "contained", "reaction", "deviceName", "orderDetail", "bodySite"])


@given(
    st.sampled_from(["MedicationRequest", "AllergyIntolerance", "Device", "ServiceRequest", "Observation"]), st.dictionaries(NAMES, SHAPES)
)
def test_any_shape_of_a_resource_is_of_some_concept(kind: str, elements: Body) -> None:
    found = chart({"resourceType": kind, **elements})
    assert [fact for facts in index_of(found).concepts(kind).values() for fact in facts] == list(found.facts)


CODES = st.lists(st.sampled_from(["2160-0", "718-7", "6690-2", "33914-3"]), max_size=15)


@given(CODES)
def test_finds_what_looking_at_every_fact_finds(codes: list[str]) -> None:
    found = chart(*(observation(code, f"20{10 + n}") for n, code in enumerate(codes)))
    for code in set(codes):
        each = [fact for fact in reversed(found.facts) if (LOINC, code) in codings_of(fact.body["code"])]
        assert list(index_of(found).coded("Observation", LOINC, code)) == each


def test_what_is_no_concept_reads_as_none() -> None:
    assert concepts({"text": "a"}) == concepts([{"text": "a"}, "b"]) == [{"text": "a"}]
    assert concepts("a") == concepts(None) == []
