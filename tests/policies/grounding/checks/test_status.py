"""Status of the cited facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.claim import Claim
from policies.evidence import Evidence
from policies.grounding.checks.status import check

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("reference", "status", "text", "kind", "outcome"),
    [
        ("MedicationRequest/1", "active", "Metformin is active.", "assessment", "supported"),
        ("MedicationRequest/1", "stopped", "Metformin is active.", "assessment", "contradicted"),
        ("MedicationRequest/1", "stopped", "The patient takes metformin.", "assessment", "contradicted"),
        ("MedicationRequest/1", "stopped", "Metformin is stopped.", "assessment", "supported"),
        ("MedicationRequest/1", "active", "Metformin was stopped.", "assessment", "contradicted"),
        ("MedicationRequest/1", "active", "Consider whether metformin is stopped before contrast.", "recommendation", "supported"),
        ("MedicationRequest/1", "on-hold", "Metformin is on hold.", "assessment", "supported"),
        ("MedicationRequest/1", "on-hold", "Metformin is completed.", "assessment", "contradicted"),
        ("MedicationRequest/1", None, "Metformin is active.", "assessment", "unsupported"),
        ("Condition/1", "resolved", "Pneumonia in the problem list.", "assessment", "contradicted"),
        ("Condition/1", "resolved", "History of pneumonia.", "assessment", "supported"),
        ("Condition/1", "refuted", "Pneumonia was refuted.", "assessment", "contradicted"),
        ("Condition/1", "active, confirmed", "Pneumonia is active.", "assessment", "supported"),
        ("Observation/1", "entered-in-error", "Potassium 5.9 mmol/L.", "finding", "contradicted"),
        ("ServiceRequest/1", "revoked", "A CT is ordered.", "recommendation", "contradicted"),
        ("Procedure/1", "completed", "A biopsy is recorded.", "assessment", "supported"),
    ],
)
def test_speaks_of_a_fact_as_the_chart_does(
    *, item: Make, claim: Make, patient: str, reference: str, status: str | None, text: str, kind: str, outcome: str
) -> None:
    assert check(claim(text, "E1", kind=kind), (item("E1", reference, "x", status=status),), patient).outcome == outcome


def test_notes_a_preliminary_result(*, item: Make, claim: Make, patient: str) -> None:
    fact: Evidence = item("E1", "DiagnosticReport/1", "Effusion.", kind="report_sentence", status="preliminary")
    posed: Claim = claim("An effusion is reported.", "E1")
    assert "preliminary" in check(posed, (fact,), patient).detail
