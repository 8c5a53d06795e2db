"""Every fact that may be used, weighed, and none of them kept parsed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime

import pytest

from fhir.chart import Chart
from tools.evidence_pack.relevance import LEAST, Scale, focus_of
from tools.evidence_pack.survey import RESULTS_BETWEEN, TOOLS, Weighed, survey
from tools.evidence_pack.tokens import estimated


@pytest.fixture
def surveyed(chart: Chart, as_of: datetime) -> dict[str, Weighed]:
    return survey(chart, Scale(focus_of(chart, as_of)), estimated)


def test_withdrawn_and_future_facts_and_bills_are_not_surveyed(surveyed: dict[str, Weighed], chart: Chart) -> None:
    assert {fact.reference for fact in chart.facts} - set(surveyed) == {"Procedure/undone", "Observation/future", "Claim/bill"}


def test_what_is_tied_to_the_order_matters_and_what_is_old_and_tied_to_nothing_does_not(surveyed: dict[str, Weighed]) -> None:
    matters = {reference for reference, one in surveyed.items() if one.score >= LEAST}
    assert matters >= {"Condition/stone", "Encounter/visit", "MedicationRequest/for-stone", "Condition/ckd", "Observation/creatinine-26"}
    assert matters.isdisjoint({"Condition/sinus", "Encounter/old-visit", "Procedure/chest"})
    reasons = {name for name, _ in surveyed["MedicationRequest/for-stone"].parts}
    assert "tied to the order or the study" in reasons


def test_of_a_series_what_lies_between_its_turning_points_is_counted_apart_and_counts_for_less(surveyed: dict[str, Weighed]) -> None:
    tools = {reference: one.tool for reference, one in surveyed.items() if reference.startswith("Observation/")}
    assert tools == {
        "Observation/creatinine-26": "results",
        "Observation/creatinine-25": RESULTS_BETWEEN,
        "Observation/creatinine-20": "results",
        "Observation/creatinine-18": "results",
    }
    assert surveyed["Observation/creatinine-25"].score < surveyed["Observation/creatinine-20"].score


def test_within_a_type_the_newest_stands_first_whatever_the_charts_order(
    chart: Chart, as_of: datetime, surveyed: dict[str, Weighed]
) -> None:
    facts = list(chart.facts)
    random.Random(3).shuffle(facts)
    shuffled = replace(chart, facts=tuple(facts))
    again = survey(shuffled, Scale(focus_of(shuffled, as_of)), estimated)
    assert [(name, one.parts, one.tool) for name, one in again.items()] == [(name, one.parts, one.tool) for name, one in surveyed.items()]
    conditions = [name for name in again if name.startswith("Condition/")]
    assert conditions == ["Condition/stone", "Condition/ckd", "Condition/sinus"]


def test_a_survey_leaves_no_body_parsed_behind_that_was_not_parsed_before(chart: Chart, as_of: datetime) -> None:
    focus = focus_of(chart, as_of)
    before = {fact.reference for fact in chart.facts if "body" in vars(fact)}
    survey(chart, Scale(focus), estimated)
    assert {fact.reference for fact in chart.facts if "body" in vars(fact)} == before
    assert "Observation/creatinine-26" not in before


def test_every_type_is_counted_as_something() -> None:
    assert all(TOOLS.values())
    assert {"Claim", "ExplanationOfBenefit", "Practitioner", "Organization"}.isdisjoint(TOOLS)
