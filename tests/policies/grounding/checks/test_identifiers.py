"""Identifier-like words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.claim import Claim
from policies.evidence import Evidence
from policies.grounding.checks.identifiers import check

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Potassium 5.9 mmol/L on 2026-11-20.", "supported"),
        ("The accession A20261120 is cited.", "supported"),
        ("The accession B99261120 is cited.", "unsupported"),
        ("Patient with MRN 12345.", "unsupported"),
        ("Call 555-123-4567.", "unsupported"),
        ("Number 123-45-6789.", "unsupported"),
        ("Study 1.2.840.113619.2.1.", "unsupported"),
        ("Record 88213377.", "unsupported"),
        ("Platelets 250000 /uL and metformin 500mg, COVID-19, ×10⁹/L.", "supported"),
    ],
)
def test_repeats_identifiers_from_the_evidence_only(*, item: Make, claim: Make, patient: str, text: str, outcome: str) -> None:
    posed: Claim = claim(text, "E1")
    fact: Evidence = item("E1", "ImagingStudy/1", "Chest radiograph, accession A20261120, platelets 250000 /uL")
    found = check(posed, (fact,), patient)
    assert found.outcome == outcome
    assert not any(word in found.detail for word in ("12345", "4567", "88213377"))
