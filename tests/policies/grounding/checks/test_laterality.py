"""Sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.claim import Claim
from policies.evidence import Evidence
from policies.grounding.checks.laterality import check

Make = Callable[..., Any]


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    ("source", "text", "side", "outcome"),
    [
        ("Left pleural effusion.", "A left pleural effusion is reported.", "left", "supported"),
        ("Left pleural effusion.", "A pleural effusion is reported.", None, "supported"),
        ("Left pleural effusion.", "A right pleural effusion is reported.", "right", "contradicted"),
        ("Left pleural effusion.", "A right pleural effusion is reported.", "left", "contradicted"),
        ("Left pleural effusion.", "A pleural effusion is reported.", "right", "contradicted"),
        ("Left pleural effusion.", "Bilateral pleural effusions are reported.", "bilateral", "contradicted"),
        ("Pleural effusion.", "A right pleural effusion is reported.", "right", "unsupported"),
        (
            "Blunting of the left costophrenic angle, right lower lobe consolidation.",
            "A right pleural effusion is reported.",
            "right",
            "contradicted",
        ),
        ("No pleural effusion.", "No left pleural effusion.", "left", "supported"),
    ],
)
def test_compares_the_side_of_a_finding(*, item: Make, claim: Make, patient: str, source: str, text: str, side: Any, outcome: str) -> None:
    polarity = "absent" if source.startswith("No") else "present"
    posed: Claim = claim(text, "E1", kind="finding", finding="pleural_effusion", side=side, polarity=polarity)
    assert check(posed, (item("E1", "DiagnosticReport/1", source, kind="report_sentence"),), patient).outcome == outcome


@pytest.mark.parametrize(
    ("text", "outcome"), [("Left total hip prosthesis.", "supported"), ("Right total hip prosthesis.", "contradicted")]
)
def test_compares_sides_outside_the_findings(*, item: Make, claim: Make, patient: str, text: str, outcome: str) -> None:
    fact: Evidence = item("E1", "Procedure/1", "Left total hip prosthesis, completed")
    assert check(claim(text, "E1"), (fact,), patient).outcome == outcome
