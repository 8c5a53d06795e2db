"""Citations exist in this run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.evidence import Evidence
from policies.grounding.checks.citation_exists import check

Make = Callable[..., Any]


@pytest.fixture
def potassium(item: Make) -> Evidence:
    return item("E1", "Observation/1", "Potassium 5.9 mmol/L, final, 2026-11-20", value="5.9", unit="mmol/L")


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    ("text", "cited", "outcome"),
    [
        ("Potassium is 5.9 mmol/L.", ("E1",), "supported"),
        ("Potassium is 5.9 mmol/L [E1].", ("E1",), "supported"),
        ("Potassium is 5.9 mmol/L [E2].", ("E1",), "unsupported"),
        ("Potassium is 5.9 mmol/L.", (), "unsupported"),
        ("Potassium is 5.9 mmol/L.", ("E7",), "unsupported"),
        ("Potassium is 5.9 mmol/L.", ("E1", "E7"), "unsupported"),
        ("Potassium is 5.9 mmol/L.", ("Observation/_summary=count?",), "unsupported"),
        ("Potassium is 5.9 mmol/L.", ("e1",), "unsupported"),
    ],
)
def test_takes_only_ids_of_this_run(
    *, claim: Make, potassium: Evidence, patient: str, text: str, cited: tuple[str, ...], outcome: str
) -> None:
    assert check(claim(text, *cited), (potassium,), patient).outcome == outcome


def test_never_repeats_an_ill_formed_citation(claim: Make, potassium: Evidence, patient: str) -> None:
    assert "Jane" not in check(claim("x", "Patient?name=Jane"), (potassium,), patient).detail
