"""Results as the chart shows them: the newest of each kind, its flag in words, and its course."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.chart.results import laboratory, vital_signs
from sandbox.patients.story import CLOCK

Charts = Callable[..., Any]
LAB = [{"coding": [{"code": "laboratory"}]}]
POTASSIUM = {"coding": [{"system": "http://loinc.org", "code": "2823-3"}], "text": "Potassium"}


def result(value: float | str, day: str = "2026-11-19", **more: Any) -> dict[str, Any]:
    measured = {"valueQuantity": {"value": value, "unit": "mmol/L"}} if not isinstance(value, str) else {"valueString": value}
    body = {"resourceType": "Observation", "status": "final", "category": LAB, "code": POTASSIUM, "effectiveDateTime": day, **measured}
    return {**body, **more}


def test_the_newest_is_shown_and_the_others_are_its_course(chart_with: Charts) -> None:
    chart = chart_with(result(4.0, "2026-01-02"), result(6.1), result(5.0, "2026-05-02"), birthDate="1960-01-01", gender="female")
    (row,) = laboratory(chart, CLOCK)
    assert (row.value, row.unit, row.flag, row.range, row.when) == ("6.1", "mmol/L", "high", "3.5–5.1", "19 Nov 2026")
    assert row.before == "5.0 on 2 May 2026; 4.0 on 2 Jan 2026"
    assert row.trend is not None
    assert len(row.trend.dots) == 3
    assert vital_signs(chart, CLOCK) == ()


def test_the_digits_are_those_of_the_record(resources: tuple[dict[str, Any], ...], chart_with: Charts) -> None:
    (row,) = laboratory(chart_with({**result(1.0), "valueQuantity": {"value": 5.00, "unit": "mmol/L", "comparator": "<"}}), CLOCK)
    assert row.value == "<5.0"


@pytest.mark.parametrize(
    ("more", "flag"),
    [
        ({"interpretation": [{"coding": [{"system": "urn:i", "code": "HH"}]}]}, "critically high"),
        ({"interpretation": [{"coding": [{"system": "urn:i", "code": "N"}]}]}, ""),
        ({"interpretation": [{"coding": [{"system": "urn:i", "code": "?"}]}]}, "high"),
        ({"valueQuantity": {"value": 9, "unit": "mmol/L", "comparator": ">"}}, ""),
        ({"valueQuantity": {"value": 9, "unit": "mg/dL"}}, ""),
        ({"referenceRange": [{"high": {"value": 10, "unit": "mmol/L"}}]}, ""),
    ],
)
def test_what_the_laboratory_says_goes_before_the_range_and_units_are_never_mixed(
    more: dict[str, Any], flag: str, chart_with: Charts
) -> None:
    (row,) = laboratory(chart_with(result(9, **more), birthDate="1960-01-01"), CLOCK)
    assert row.flag == flag


def test_another_unit_is_no_point_of_the_course_and_says_its_unit(chart_with: Charts) -> None:
    other = result(1, "2026-01-01", valueQuantity={"value": 20, "unit": "mg/dL"})
    (row,) = laboratory(chart_with(result(4.0), other), CLOCK)
    assert row.trend is None
    assert row.before == "20 mg/dL on 1 Jan 2026"


@pytest.mark.parametrize(
    ("more", "value", "status"),
    [
        ({"valueQuantity": None, "valueCodeableConcept": {"text": "Positive"}}, "Positive", ""),
        ({"valueQuantity": None}, "no value", ""),
        ({"status": "preliminary"}, "4", "preliminary"),
        ({"status": None}, "4", "status unknown"),
    ],
)
def test_what_is_no_number_or_not_final_is_said(more: dict[str, Any], value: str, status: str, chart_with: Charts) -> None:
    body = {name: element for name, element in result(4, **more).items() if element is not None}
    (row,) = laboratory(chart_with(body), CLOCK)
    assert (row.value, row.status) == (value, status)


def test_what_lies_outside_its_range_stands_first(chart_with: Charts) -> None:
    sodium = {"text": "Sodium"}
    chart = chart_with(result(140, "2026-11-20", code=sodium), result(6.1, "2026-11-01"), birthDate="1960-01-01")
    assert [row.name for row in laboratory(chart, CLOCK)] == ["Potassium", "Sodium"]
