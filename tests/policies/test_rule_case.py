"""The case a rule carries, as the case a policy sees."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from policies.rule_case import AS_OF, Given, GivenFinding, GivenReading, GivenStudy, RuleCase, policy_case


def test_nothing_given_is_a_patient_with_a_complete_and_empty_record() -> None:
    case = policy_case(Given())
    assert (case.chart.patient.reference, case.chart.facts, case.as_of) == ("Patient/patient-1", (), AS_OF)
    assert (case.study, case.reading, case.claims, case.evidence) == (None, None, (), ())
    assert case.chart.manifest.incomplete == ()


@pytest.mark.parametrize(
    ("resources", "references"),
    [
        (({"resourceType": "Condition"}, {"resourceType": "Condition"}), ["Condition/condition-1", "Condition/condition-2"]),
        (({"resourceType": "Device", "id": "own"}, {"resourceType": "Observation"}), ["Device/own", "Observation/observation-2"]),
    ],
)
def test_an_id_is_filled_in_where_none_is_given(resources: Any, references: list[str]) -> None:
    chart = policy_case(Given(resources=resources)).chart
    assert [fact.reference for fact in chart.facts] == references
    assert chart.manifest.resources == len(references) + 1


@pytest.mark.parametrize(
    ("pulled", "resource_type", "state"),
    [
        ({}, "Observation", "complete"),
        ({}, "MedicationStatement", "not asked"),
        ({"Observation": "refused"}, "Observation", "refused"),
        ({"MedicationStatement": "truncated"}, "MedicationStatement", "truncated"),
    ],
)
def test_a_pull_is_complete_unless_the_case_says_otherwise(pulled: dict[str, Any], resource_type: str, state: str) -> None:
    assert policy_case(Given(pulled=pulled)).chart.manifest.state(resource_type) == state


def test_the_study_and_the_reading_arrive_with_every_field() -> None:
    study = GivenStudy(modality=("CR",), body_part=None, identity="unknown", order_side="left", series_side="right",
                       image_side="bilateral", report_sides=(("nodule", "left"),))  # fmt: skip
    reading = GivenReading(
        mode="abstained", reason="r", findings=(GivenFinding(key="nodule", presence="absent", probability=0.1, side="left"),),
        ood_score=3.0, ood_threshold=2.0,
    )  # fmt: skip
    case = policy_case(Given(study=study, reading=reading))
    assert case.study is not None
    assert case.reading is not None
    assert (case.study.modality, case.study.body_part, case.study.report_sides) == (("CR",), None, (("nodule", "left"),))
    assert (case.study.order_side, case.study.series_side, case.study.image_side) == ("left", "right", "bilateral")
    assert case.study.identity is not None
    assert case.study.identity.outcome == "unknown"
    (found,) = case.reading.findings
    assert (found.key, found.presence, found.probability, found.side) == ("nodule", "absent", 0.1, "left")
    assert (case.reading.mode, case.reading.reason, case.reading.ood_score, case.reading.ood_threshold) == ("abstained", "r", 3.0, 2.0)


@pytest.mark.parametrize(
    "change",
    [{"name": "short"}, {"expect": "maybe"}, {"given": {"weather": "fine"}}, {"given": {"pulled": {"Observation": "lost"}}}],
)
def test_refuses_a_case_it_could_misread(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RuleCase.model_validate({"name": "a case of the tests", "expect": "clear", "given": {}, **change})
