"""Calculations: against the published equation, and only where it holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.chart import Chart
from policies.evidence import Sourced
from tools import calculators
from tools.errors import InputRefused

Make = Callable[..., Chart]
Lab = Callable[..., dict[str, Any]]
CREATININE = "2160-0"


@pytest.mark.parametrize(
    ("creatinine", "age", "sex", "egfr"),
    [  # worked out by hand from the equation of N Engl J Med 2021;385:1737
        ("1.0", 50, "male", 92),
        ("1.0", 50, "female", 69),
        ("0.7", 40, "female", 112),
        ("0.5", 40, "female", 122),
        ("0.9", 40, "male", 111),
        ("2.5", 70, "male", 27),
        ("2.0", 71, "female", 26),
    ],
)
def test_ckd_epi_2021_gives_the_published_figures(creatinine: str, age: int, sex: Literal["female", "male"], egfr: int) -> None:
    assert calculators.ckd_epi_2021(Decimal(creatinine), age, sex) == egfr


@pytest.mark.parametrize(("creatinine", "age"), [("1.0", 17), ("0.05", 50), ("80", 50)])
def test_ckd_epi_refuses_children_and_impossible_creatinine(creatinine: str, age: int) -> None:
    with pytest.raises(InputRefused):
        calculators.ckd_epi_2021(Decimal(creatinine), age, "female")


@given(low=st.decimals("0.3", "10", places=2), step=st.decimals("0.1", "5", places=2), age=st.integers(18, 90))
def test_more_creatinine_never_means_a_better_kidney(low: Decimal, step: Decimal, age: int) -> None:
    assert calculators.ckd_epi_2021(low + step, age, "male") <= calculators.ckd_epi_2021(low, age, "male")


@pytest.mark.parametrize(("value", "unit"), [(Decimal("2.0"), "mg/dL"), (Decimal("176.8"), "umol/L")])
def test_works_out_an_egfr_and_says_from_what(make_chart: Make, lab: Lab, as_of: datetime, value: Decimal, unit: str) -> None:
    item = calculators.estimated_gfr(make_chart(lab(CREATININE, value, unit)), "Patient/p", as_of)
    assert item is not None
    assert item.quantity is not None
    assert (item.quantity.value, item.when) == ("26", "2026-11-21T08:00:00Z")
    assert f"from creatinine {value} {unit} of 2026-11-21, age 71, female" in item.text
    assert item.based_on == ("Patient/p", "Observation/observation-0")


@pytest.mark.parametrize(
    ("name", "patient", "more"),
    [
        ("a child", {"birthDate": "2012-01-01"}, {}),
        ("no birth date", {"birthDate": None}, {}),
        ("a sex the equation has no factor for", {"gender": "other"}, {}),
        ("an unknown unit", {}, {"valueQuantity": {"value": 2, "unit": "furlong"}}),
        ("an impossible value for the unit", {}, {"valueQuantity": {"value": 80, "unit": "mg/dL"}}),
        ("a bound instead of a value", {}, {"valueQuantity": {"value": 2, "unit": "mg/dL", "comparator": "<"}}),
        ("a result entered in error", {}, {"status": "entered-in-error"}),
    ],
)
def test_works_nothing_out_from(
    *, make_chart: Make, lab: Lab, as_of: datetime, name: str, patient: dict[str, Any], more: dict[str, Any]
) -> None:
    chart = make_chart({**lab(CREATININE, 2, "mg/dL"), **more}, **patient)
    assert calculators.estimated_gfr(chart, "Patient/p", as_of) is None, name


@pytest.mark.parametrize(("measured", "calculated"), [("2026-11-21T08:00:00Z", False), ("2026-11-22", False), ("2026-01-01", True)])
def test_a_measured_egfr_as_recent_as_the_creatinine_stands(
    make_chart: Make, lab: Lab, as_of: datetime, measured: str, calculated: bool
) -> None:
    chart = make_chart(lab(CREATININE, 2, "mg/dL"), lab("98979-8", 27, "mL/min/{1.73_m2}", measured))
    assert (calculators.estimated_gfr(chart, "Patient/p", as_of) is not None) is calculated


def test_gives_the_age_on_the_day_asked_about(make_chart: Make, as_of: datetime) -> None:
    item = calculators.age(make_chart(), "Patient/p", as_of)
    assert item is not None
    assert item.text == "Age 71 years on 2026-11-23"
    assert "1955" not in item.model_dump_json()


@pytest.mark.parametrize(
    ("earlier", "later", "days"),
    [
        ("2026-09-02", "2026-11-23T08:00:00Z", "82"),
        ("2026-11-23", "2026-11-23", "0"),
        ("2026-11-24", "2026-11-23", None),
        ("2026", "2026-11-23", None),
        (None, "2026-11-23", None),
    ],
)
def test_counts_days_between_dated_items(earlier: str | None, later: str | None, days: str | None) -> None:
    first, last = (
        Sourced(kind="chart_fact", reference=f"Observation/{n}", text="x", sha256="0" * 64, when=when)
        for n, when in enumerate((earlier, later))
    )
    item = calculators.days_between(first, last)
    assert (None if item is None or item.quantity is None else item.quantity.value) == days
