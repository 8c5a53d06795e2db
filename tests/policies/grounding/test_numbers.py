"""Figures of a text: numbers with units, dates, times, relative words."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.grounding.numbers import figures, without_figures
from policies.grounding.units import canonical


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("eGFR 24 mL/min/1.73 m2 (KDIGO 2024)", [("24", "ml/min/1.73m2", "")]),
        ("BP 150/90 mmHg", [("150", "mmhg", ""), ("90", "mmhg", "")]),
        ("platelets 40 ×10⁹/L", [("40", "10*9/l", "")]),
        ("a 2-4 cm mass, 8 mm nodule", [("2", "cm", ""), ("4", "cm", ""), ("8", "mm", "")]),
        ("12-lead ECG, T12, SpO2, COVID-19, [E3], CKD-EPI 2021", []),
        ("1,200 mL within two days", [("1200", "ml", ""), ("2", "d", "")]),
        ("<5 ng/L, at least 3 mg, 30 or lower", [("5", "ng/l", "<"), ("3", "mg", ">="), ("30", "", "<=")]),
        ("base excess -4 mmol/L; HbA1c 7.1%", [("-4", "mmol/l", ""), ("7.1", "%", "")]),
        ("May 10 mg be given", [("10", "mg", "")]),
        ("stage 3b, 40mg", [("3", "b", ""), ("40", "mg", "")]),
    ],
)
def test_reads_numbers(text: str, numbers: list[tuple[str, str, str]]) -> None:
    assert [(str(n.value), n.unit, n.comparator) for n in figures(text).numbers] == numbers


def test_reads_dates_times_and_relative_words() -> None:
    found = figures("On 2026-11-21T08:15:00Z, 3 Nov 2025, March 4, 2024 and 03/04/2026; today at 7:05.")
    assert [(d.year, d.month, d.day) for d in found.days] == [(2026, 11, 21), (2025, 11, 3), (2024, 3, 4), (None, None, None)]
    assert (found.times, found.relative, found.numbers) == (("08:15", "07:05"), ("today",), ())


@given(st.integers(0, 99999), st.integers(0, 3), st.sampled_from(["mmol/L", "mg/dL", "%", "mg", "mL/min/1.73 m2"]))
def test_reads_back_every_decimal(digits: int, places: int, unit: str) -> None:
    value = Decimal(digits).scaleb(-places)
    (number,) = figures(f"Value {value:f} {unit}.").numbers
    assert (number.value, number.unit) == (value, canonical(unit))


@given(st.text(max_size=120))
def test_never_fails_and_blanking_keeps_places(text: str) -> None:
    figures(text)
    assert len(without_figures(text)) == len(text)
