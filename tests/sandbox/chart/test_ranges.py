"""Against which range a result is held: its own, else that of adults, else none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sandbox.chart.ranges import Range, range_of
from sandbox.chart.record import listed

OWN = [{"low": {"value": 1, "unit": "g/dL"}, "high": {"value": 2, "unit": "g/dL"}}]


def found(
    chart_with: Callable[..., Any], code: str, *, own: Any = None, sex: str = "female", age: int | None = 40, unit: str
) -> str | None:
    body = {"resourceType": "Observation", "code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "referenceRange": own}
    (fact,) = listed(chart_with(body), "Observation")
    result = range_of(fact, sex=sex, age=age, unit=unit)
    return result and f"{result.text} {result.source}"


@pytest.mark.parametrize(
    ("given", "range_"),
    [
        ({"code": "718-7", "unit": "g/dL"}, "12.0–15.5 usual for adults"),
        ({"code": "718-7", "unit": "g/dL", "sex": "male"}, "13.5–17.5 usual for adults"),
        ({"code": "718-7", "unit": "g/dL", "sex": "other"}, None),
        ({"code": "718-7", "unit": "g/dL", "own": OWN}, "1–2 of the result"),
        ({"code": "718-7", "unit": "g/dL", "own": OWN, "age": 7}, "1–2 of the result"),
        ({"code": "718-7", "unit": "g/L"}, None),
        ({"code": "718-7", "unit": "g/L", "own": OWN}, None),
        ({"code": "718-7", "unit": "g/dL", "age": 17}, None),
        ({"code": "718-7", "unit": "g/dL", "age": None}, None),
        ({"code": "98979-8", "unit": "mL/min/1.73 m2"}, "≥ 60 usual for adults"),
        ({"code": "1988-5", "unit": "mg/L"}, "≤ 5 usual for adults"),
        ({"code": "0-0", "unit": "mg/L"}, None),
        ({"code": "1988-5", "unit": "mg/L", "own": [{"text": "low"}]}, "≤ 5 usual for adults"),
    ],
)
def test_a_range_fits_the_result_or_is_none(given: dict[str, Any], range_: str | None, chart_with: Callable[..., Any]) -> None:
    assert found(chart_with, **given) == range_


@pytest.mark.parametrize(("value", "side"), [("3.4", "low"), ("3.5", None), ("5.1", None), ("5.11", "high")])
def test_an_end_of_a_range_belongs_to_it(value: str, side: str | None) -> None:
    assert Range(Decimal("3.5"), Decimal("5.1"), "", "usual for adults").outside(Decimal(value)) == side
