"""Names and words of a claim stand in its evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.claim import Claim
from policies.evidence import Evidence
from policies.grounding.checks.names_and_terms import check

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("source", "text", "kind", "outcome"),
    [
        ("Metformin 500 mg oral tablet, active", "Metformin is active.", "assessment", "supported"),
        ("Metformin 500 mg oral tablet, active", "Metformin and rivaroxaban are active.", "assessment", "unsupported"),
        ("Metformin 500 mg oral tablet, active", "Consider pausing warfarin.", "recommendation", "unsupported"),
        ("Metformin 500 mg oral tablet, active", "Consider whether to pause metformin for the scan.", "recommendation", "supported"),
        ("Essential hypertension, active", "Essential hypertension is on the problem list.", "assessment", "supported"),
        ("Essential hypertension, active", "Malignant hypertension is on the problem list.", "assessment", "unsupported"),
        ("Haemoglobin 10 g/dL", "The hemoglobin is 10 g/dL.", "assessment", "supported"),
        ("Small left pleural effusion.", "A large left pleural effusion is reported.", "finding", "unsupported"),
        ("Airspace opacity, consistent with pneumonia.", "Consolidation is reported.", "finding", "supported"),
    ],
)
def test_compares_names(*, item: Make, claim: Make, patient: str, source: str, text: str, kind: str, outcome: str) -> None:
    fact: Evidence = item("E1", "Observation/1", source)
    posed: Claim = claim(text, "E1", kind=kind)
    assert check(posed, (fact,), patient).outcome == outcome


@pytest.mark.parametrize(("text", "outcome"), [("The hemoglobin is 7.1 %.", "unsupported"), ("The hemoglobin A1c is 7.1 %.", "supported")])
def test_takes_no_test_for_another_with_a_longer_name(*, item: Make, claim: Make, patient: str, text: str, outcome: str) -> None:
    fact = item("E1", "Observation/1", "Hemoglobin A1c 7.1 %", value="7.1", unit="%")
    assert check(claim(text, "E1"), (fact,), patient).outcome == outcome
