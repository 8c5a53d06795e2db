"""Dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.claim import Claim
from policies.evidence import Evidence
from policies.grounding.checks.dates import check

Make = Callable[..., Any]


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Measured on 2026-11-21.", "supported"),
        ("Measured on 21 Nov 2026.", "supported"),
        ("Measured on 21 November.", "supported"),
        ("Measured on November 21, 2026.", "supported"),
        ("Measured in November 2026.", "supported"),
        ("Measured at 08:15 on 2026-11-21.", "supported"),
        ("Measured at 09:15 on 2026-11-21.", "contradicted"),
        ("Measured on 22 Nov 2026.", "contradicted"),
        ("Measured on 21 Nov 2025.", "contradicted"),
        ("Measured on 21/11/2026.", "unsupported"),
        ("Measured today.", "unsupported"),
        ("Measured two days ago.", "unsupported"),
        ("Measured.", "supported"),
    ],
)
def test_compares_days(*, item: Make, claim: Make, patient: str, text: str, outcome: str) -> None:
    fact = item("E1", "Observation/1", "Potassium, final, 2026-11-21", when="2026-11-21T08:15:00+01:00")
    assert check(claim(text, "E1"), (fact,), patient).outcome == outcome


def test_a_month_in_the_evidence_does_not_carry_a_day(*, item: Make, claim: Make, patient: str) -> None:
    found: Any = check(claim("Since 3 March 2024.", "E1"), (item("E1", "Condition/1", "Asthma", when="2024-03"),), patient)
    assert found.outcome == "unsupported"
    assert isinstance(claim("x", "E1"), Claim)
    assert isinstance(item("E1", "Condition/1", "Asthma"), Evidence)
