"""The chart by value set."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.chart import chart_of
from fhir.value_sets import VALUE_SETS
from fhir.views import objects, usable
from policies.conditions.index import ChartIndex, code_values, concepts

PACEMAKER = {"text": "Cardiac pacemaker"}
LOINC = "http://loinc.org"


def index(*resources: dict[str, Any]) -> ChartIndex:
    numbered = [{"id": f"r{n}", **resource} for n, resource in enumerate(resources)]
    return ChartIndex(chart_of({"resourceType": "Patient", "id": "p"}, numbered))


@pytest.mark.parametrize(
    ("value_set", "resource"),
    [
        ("egfr", {"resourceType": "Observation", "code": {"coding": [{"system": LOINC, "code": "33914-3"}]}}),
        ("egfr", {"resourceType": "Observation", "code": {"text": "eGFR"}}),
        ("egfr", {"resourceType": "Observation", "code": {"coding": [{"display": "Estimated glomerular filtration rate"}]}}),
        ("mri_implant", {"resourceType": "Device", "type": PACEMAKER}),
        ("mri_implant", {"resourceType": "Device", "deviceName": [{"name": "Cardiac pacemaker"}]}),
        ("metformin", {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": "Metformin"}}),
        ("metformin", {"resourceType": "MedicationRequest", "medicationReference": {"display": "Metformin"}}),
        ("contrast_allergy", {"resourceType": "AllergyIntolerance", "reaction": [{"substance": {"text": "Iohexol"}}]}),
        ("iv_iodinated_contrast", {"resourceType": "ServiceRequest", "code": {"text": "CT"}, "orderDetail": [{"text": "with contrast"}]}),
        ("aki", {"resourceType": "Condition", "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "N17.9"}]}}),
    ],
)
def test_finds_a_fact_by_code_or_words_wherever_it_is_named(value_set: str, resource: dict[str, Any]) -> None:
    found = index(resource, {**resource, "id": "same"}).matching(value_set, resource["resourceType"])
    assert [fact.id for fact in found] == ["r0", "same"]


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Observation", "code": {"coding": [{"system": "urn:other", "code": "33914-3"}]}},
        {"resourceType": "Observation", "code": {"text": "Potassium"}},
        {"resourceType": "Observation", "code": {"text": "eGFR"}, "status": "entered-in-error"},
        {"resourceType": "Observation", "code": {"text": "eGFR"}, "modifierExtension": [{"url": "urn:not"}]},
        {"resourceType": "Condition", "code": {"text": "eGFR"}},
    ],
)
@pytest.mark.fault(13)
def test_leaves_out_another_concept_another_type_and_what_may_not_be_used(resource: dict[str, Any]) -> None:
    assert index(resource).matching("egfr", "Observation") == ()


@pytest.mark.fault(13)
def test_a_modifier_of_unknown_meaning_obscures_a_fact_and_a_withdrawal_does_not() -> None:
    egfr = {"resourceType": "Observation", "code": {"text": "eGFR"}}
    modified = {**egfr, "modifierExtension": [{"url": "urn:not"}]}
    one = index(egfr, modified, {**modified, "status": "entered-in-error"}, {**modified, "code": {"text": "INR"}})
    assert [fact.id for fact in one.obscured("egfr", "Observation")] == ["r1"]
    assert [fact.id for fact in one.matching("egfr", "Observation")] == ["r0"]


def test_a_fact_without_code_and_text_is_nameless() -> None:
    order = {"resourceType": "MedicationRequest", "status": "active"}
    named = {**order, "medicationCodeableConcept": {"text": "Metformin"}}
    dangling = {**order, "medicationReference": {"reference": "X/1"}}
    one = index(order, named, dangling, {**order, "status": "entered-in-error"})
    assert [fact.id for fact in one.nameless("MedicationRequest")] == ["r0", "r2"]
    assert [fact.id for fact in one.usable("MedicationRequest")] == ["r0", "r1", "r2"]
    assert one.nameless("Observation") == ()


names = st.sampled_from(["eGFR", "Potassium", "INR", "", "Platelet count", "eGFR and INR"])


@given(st.lists(names, max_size=12), st.sampled_from(["egfr", "inr", "platelets"]))
def test_finds_what_looking_at_every_fact_finds(texts: list[str], value_set: str) -> None:
    resources = [{"resourceType": "Observation", "id": f"o{n}", "code": {"text": text}} for n, text in enumerate(texts)]
    chart = chart_of({"resourceType": "Patient", "id": "p"}, resources)
    each = {fact.id for fact in chart.facts if usable(fact) and VALUE_SETS[value_set].matches(fact.body["code"])}
    assert {fact.id for fact in ChartIndex(chart).matching(value_set, "Observation")} == each


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ("active", {"active"}),
        ({"coding": [{"code": "active"}, {"code": "relapse"}]}, {"active", "relapse"}),
        ([{"coding": [{"code": "a"}]}, {"coding": [{"code": "b"}]}], {"a", "b"}),
        ({"text": "Active"}, set()),
        ({"coding": [{"code": 3}, "active"]}, set()),
        (None, set()),
    ],
)
def test_reads_the_codes_of_a_status_whatever_its_shape(value: object, codes: set[str]) -> None:
    assert code_values(value) == codes


def test_what_is_no_list_of_objects_reads_as_empty() -> None:
    assert objects([{"a": 1}, "b", 3]) == ({"a": 1},)
    assert objects({"a": 1}) == objects("text") == objects(None) == ()
    assert concepts({"a": 1}) == concepts([{"a": 1}]) == [{"a": 1}]
