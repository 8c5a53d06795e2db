"""Numbers, units and bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.grounding.checks.numbers import check

Make = Callable[..., Any]


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("eGFR is 24 mL/min/1.73 m2.", "supported"),
        ("eGFR is 24.0 mL/min/1.73m² on 2026-11-20.", "supported"),
        ("eGFR is 42 mL/min/1.73 m2.", "contradicted"),
        ("eGFR is 240 mL/min/1.73 m2.", "contradicted"),
        ("eGFR is 24 mg/dL.", "contradicted"),
        ("eGFR is 24.", "contradicted"),
        ("eGFR is below 24 mL/min/1.73 m2.", "contradicted"),
        ("eGFR is 24 mL/min/1.73 m2, below 30 mL/min/1.73 m2; hold for 48 hours.", "supported"),
        ("eGFR is 24 mL/min/1.73 m2, above 30 mL/min/1.73 m2.", "contradicted"),
        ("eGFR is 30 mL/min/1.73 m2.", "contradicted"),
        ("eGFR is 24 mL/min/1.73 m2; hold for 72 h.", "unsupported"),
        ("A 12-lead ECG, T12 and [E1] hold no number.", "supported"),
    ],
)
def test_compares_numbers(*, item: Make, claim: Make, patient: str, text: str, outcome: str) -> None:
    fact = item("E1", "Observation/1", "eGFR 24 mL/min/{1.73_m2}, final, 2026-11-20", value="24", unit="mL/min/{1.73_m2}")
    passage = item("E2", "guidance:t#1", "Below 30 mL/min/1.73 m2 it is paused for 48 h.")
    assert check(claim(text, "E1", "E2"), (fact, passage), patient).outcome == outcome


@pytest.mark.parametrize(
    ("text", "outcome"), [("Troponin <5 ng/L", "supported"), ("Troponin below 5 ng/L", "supported"), ("Troponin 5 ng/L", "contradicted")]
)
def test_keeps_the_comparator_of_a_result(*, item: Make, claim: Make, patient: str, text: str, outcome: str) -> None:
    fact = item("E1", "Observation/1", "Troponin < 5 ng/L", value="5", unit="ng/L", comparator="<")
    assert check(claim(text, "E1"), (fact,), patient).outcome == outcome


@pytest.mark.parametrize(
    ("text", "outcome"), [("probability 0.93", "supported"), ("probability 93 %", "supported"), ("probability 0.39", "unsupported")]
)
def test_takes_a_probability_in_either_form(*, item: Make, claim: Make, patient: str, text: str, outcome: str) -> None:
    assert check(claim(text, "E1"), (item("E1", "image:a", "reads nodule", probability=0.93),), patient).outcome == outcome
