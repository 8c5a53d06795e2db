"""Evidence about a patient is about the bound patient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.grounding.checks.right_patient import check

Make = Callable[..., Any]


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    ("reference", "owner", "outcome"),
    [
        ("Observation/1", "Patient/p1", "supported"),
        ("Observation/1", "p1", "supported"),
        ("Observation/1", "Patient/p11", "contradicted"),
        ("Observation/1", None, "unsupported"),
        ("image:abc", "Patient/p2", "contradicted"),
        ("guidance:x#1", None, "supported"),
        ("case:abc", None, "supported"),
        ("case:abc", "Patient/p1", "contradicted"),
    ],
)
def test_takes_only_the_bound_patient(*, item: Make, claim: Make, patient: str, reference: str, owner: str | None, outcome: str) -> None:
    found = check(claim("x", "E1"), (item("E1", reference, "x", patient=owner),), patient)
    assert found.outcome == outcome
    assert "p11" not in found.detail


def test_takes_nothing_when_no_patient_is_bound(item: Make, claim: Make) -> None:
    assert check(claim("x", "E1"), (item("E1", "Observation/1", "x", patient="Patient/"),), "").outcome == "contradicted"
