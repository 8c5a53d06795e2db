"""Polarity of claim and evidence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.claim import Claim
from policies.evidence import Evidence
from policies.grounding.checks.negation import check

Make = Callable[..., Any]


@pytest.mark.fault(70)
@pytest.mark.parametrize(
    ("source", "text", "fields", "outcome"),
    [
        ("No pneumothorax.", "A pneumothorax is reported.", {"finding": "pneumothorax"}, "contradicted"),
        ("No pneumothorax.", "No pneumothorax is reported.", {"finding": "pneumothorax", "polarity": "absent"}, "supported"),
        ("No pneumothorax.", "No pneumothorax is reported.", {"finding": "pneumothorax"}, "contradicted"),
        ("Right tension pneumothorax.", "No pneumothorax.", {"finding": "pneumothorax", "polarity": "absent"}, "contradicted"),
        ("Right tension pneumothorax.", "A pneumothorax is reported.", {"finding": "pneumothorax"}, "supported"),
        ("No change in the left effusion.", "A left effusion is reported.", {"finding": "pleural_effusion", "side": "left"}, "supported"),
        ("The effusion has resolved.", "An effusion is reported.", {"finding": "pleural_effusion"}, "contradicted"),
        ("Possible effusion.", "An effusion is reported.", {"finding": "pleural_effusion"}, "unsupported"),
        ("Possible effusion.", "A possible effusion is reported.", {"finding": "pleural_effusion", "polarity": "uncertain"}, "supported"),
        ("The lungs are clear.", "A nodule is reported.", {"finding": "nodule"}, "contradicted"),
        ("Left effusion.", "Cardiomegaly is reported.", {}, "unsupported"),
        (
            "Left effusion. Small right effusion, no left effusion.",
            "A left effusion is reported.",
            {"finding": "pleural_effusion", "side": "left"},
            "cannot_tell",
        ),
    ],
)
def test_compares_findings(*, item: Make, claim: Make, patient: str, source: str, text: str, fields: dict[str, Any], outcome: str) -> None:
    sentence = item("E1", "DiagnosticReport/1", source, kind="report_sentence")
    assert check(claim(text, "E1", kind="finding", **fields), (sentence,), patient).outcome == outcome


@pytest.mark.parametrize(
    ("source", "text", "outcome"),
    [
        ("Asthma, active", "Asthma is not active.", "contradicted"),
        ("Asthma, active", "There is no asthma.", "contradicted"),
        ("No known drug allergy, active", "A drug allergy is known.", "contradicted"),
        ("No known drug allergy, active", "No known drug allergy.", "supported"),
        ("Asthma, active", "Asthma is active.", "supported"),
    ],
)
def test_compares_other_words(*, item: Make, claim: Make, patient: str, source: str, text: str, outcome: str) -> None:
    posed: Claim = claim(text, "E1")
    fact: Evidence = item("E1", "Condition/1", source)
    assert check(posed, (fact,), patient).outcome == outcome


@pytest.mark.parametrize(
    ("text", "kind", "outcome"),
    [
        ("The report and the image model differ on this finding: pleural effusion.", "caution", "supported"),
        ("Left pleural effusion is new since the prior study.", "assessment", "supported"),
        ("There is a left pleural effusion.", "assessment", "cannot_tell"),
    ],
)
def test_only_a_comparison_may_rest_on_evidence_that_disagrees(
    *, item: Make, claim: Make, patient: str, text: str, kind: str, outcome: str
) -> None:
    reading = item("E1", "image:a", "reads left pleural effusion", finding="pleural_effusion", polarity="present", side="left")
    report = item("E2", "DiagnosticReport/1", "No pleural effusion.", kind="report_sentence", finding="pleural_effusion", polarity="absent")
    posed = claim(text, "E1", "E2", kind=kind, finding="pleural_effusion", side="left")
    assert check(posed, (reading, report), patient).outcome == outcome
