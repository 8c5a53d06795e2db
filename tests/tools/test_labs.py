"""Laboratory look-ups: the latest, the turning points, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.chart import Chart, chart_of
from tools import labs
from tools.errors import InputRefused

Make = Callable[..., Chart]
Lab = Callable[..., dict[str, Any]]
UNIT = "mL/min/{1.73_m2}"


def test_gives_the_latest_of_each_analyte_in_reading_order(make_chart: Make, lab: Lab, as_of: datetime) -> None:
    chart = make_chart(
        lab("777-3", 210, "10*3/uL"),
        lab("98979-8", 40, UNIT, "2026-05-01"),
        lab("98979-8", 27, UNIT, "2026-11-21"),
    )
    found = labs.look_up(chart, "Patient/p", as_of)
    values = [item.quantity.value for item in found if item.quantity]
    assert values == ["27", "210", "40"]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("entered in error", {"status": "entered-in-error"}),
        ("after the moment asked about", {"effectiveDateTime": "2026-11-24"}),
        ("with a modifier nobody knows", {"modifierExtension": [{"url": "http://example.org/not", "valueBoolean": True}]}),
        ("of another analyte", {"code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}}),
    ],
)
def test_leaves_out_a_result(make_chart: Make, lab: Lab, as_of: datetime, name: str, more: dict[str, Any]) -> None:
    assert labs.look_up(make_chart({**lab("98979-8", 27, UNIT), **more}), "Patient/p", as_of) == (), name


def test_a_result_without_a_date_never_outranks_a_dated_one(make_chart: Make, lab: Lab, as_of: datetime) -> None:
    undated = {key: value for key, value in lab("98979-8", 90, UNIT).items() if key != "effectiveDateTime"}
    chart = make_chart(undated, lab("98979-8", 27, UNIT))
    first = labs.look_up(chart, "Patient/p", as_of)[0]
    assert first.quantity is not None
    assert first.quantity.value == "27"


def test_a_trend_keeps_last_first_lowest_and_highest_of_its_window(make_chart: Make, lab: Lab, as_of: datetime) -> None:
    days = [("2026-11-20", 30), ("2026-09-01", 25), ("2026-07-01", 60), ("2026-05-01", 44), ("2020-01-01", 99)]
    chart = make_chart(*(lab("98979-8", value, UNIT, day) for day, value in days))
    facts = labs.trend(labs.series(chart, labs.ANALYTES[0], as_of), timedelta(days=365))
    assert [fact.body["effectiveDateTime"] for fact in facts] == ["2026-11-20", "2026-05-01", "2026-09-01", "2026-07-01"]


def test_a_single_value_has_no_trend(make_chart: Make, lab: Lab, as_of: datetime) -> None:
    chart = make_chart(lab("98979-8", 30, UNIT))
    assert labs.trend(labs.series(chart, labs.ANALYTES[0], as_of), timedelta(days=365)) == ()


def test_refuses_a_trend_over_no_time() -> None:
    with pytest.raises(InputRefused):
        labs.trend((), timedelta(0))


@given(st.lists(st.tuples(st.integers(0, 360), st.integers(1, 150)), min_size=2, max_size=12))
def test_no_value_of_a_series_lies_outside_its_turning_points(points: list[tuple[int, int]]) -> None:
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    resources = [
        {
            "resourceType": "Observation",
            "id": f"o{n}",
            "status": "final",
            "subject": {"reference": "Patient/p"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "98979-8"}]},
            "effectiveDateTime": (moment - timedelta(days=age)).isoformat(),
            "valueQuantity": {"value": value, "unit": UNIT},
        }
        for n, (age, value) in enumerate(points)
    ]
    chart = chart_of({"resourceType": "Patient", "id": "p"}, resources)
    newest = labs.series(chart, labs.ANALYTES[0], moment)
    turning = [fact.body["valueQuantity"]["value"] for fact in labs.trend(newest, timedelta(days=365))]
    values = [value for _, value in points]
    assert (min(turning), max(turning)) == (min(values), max(values))
