"""Sides: who disagrees with whom."""

from __future__ import annotations

from itertools import product

import pytest

from policies.conditions import evaluate, parse_condition
from policies.rule_case import Given, GivenFinding, GivenReading, GivenStudy, policy_case

DISAGREES = parse_condition({"laterality": {"disagrees": True}})
SIDES = ("left", "right", "bilateral", None)


@pytest.mark.parametrize(("order", "series", "image"), list(product(SIDES, SIDES, SIDES)))
def test_left_against_right_and_nothing_else_disagrees(order: str | None, series: str | None, image: str | None) -> None:
    study = GivenStudy.model_validate({"order_side": order, "series_side": series, "image_side": image})
    answer = evaluate(DISAGREES, policy_case(Given(study=study)))
    assert answer.value is ({"left", "right"} <= {order, series, image})


def test_the_model_and_the_report_are_compared_finding_by_finding() -> None:
    study = GivenStudy(report_sides=(("nodule", "left"), ("pleural_effusion", "right")))
    right_nodule = GivenReading(findings=(GivenFinding(key="nodule", presence="present", probability=0.9, side="right"),))
    answer = evaluate(DISAGREES, policy_case(Given(study=study, reading=right_nodule)))
    assert answer.value is True
    assert answer.basis[0].detail == "nodule: report left, image model right"


def test_a_finding_the_model_does_not_see_has_no_side() -> None:
    study = GivenStudy(report_sides=(("nodule", "left"),))
    unseen = GivenReading(findings=(GivenFinding(key="nodule", presence="absent", probability=0.1, side="right"),))
    assert evaluate(DISAGREES, policy_case(Given(study=study, reading=unseen))).value is False


def test_two_sides_in_the_report_agree_with_an_order_of_either() -> None:
    study = GivenStudy(order_side="left", report_sides=(("nodule", "left"), ("pleural_effusion", "right")))
    assert evaluate(DISAGREES, policy_case(Given(study=study))).value is False
