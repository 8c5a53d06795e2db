"""Which kinds of evidence carry which kinds of claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.claim import Claim
from policies.grounding.checks.carries import check

Make = Callable[..., Any]


SOURCES = {
    "fact": ("Observation/1", "Potassium 5.9 mmol/L", {}),
    "problem": ("Condition/1", "Pleural effusion, active", {"finding": "pleural_effusion", "polarity": "present"}),
    "no allergy": ("AllergyIntolerance/1", "No known allergy, active", {}),
    "image": ("image:abc", "reads left pleural effusion: present", {"finding": "pleural_effusion", "polarity": "present", "side": "left"}),
    "image none": ("image:abc", "reads pleural effusion: absent", {"finding": "pleural_effusion", "polarity": "absent"}),
    "report": (
        "DiagnosticReport/1",
        "Left pleural effusion.",
        {"kind": "report_sentence", "finding": "pleural_effusion", "polarity": "present"},
    ),
    "report none": ("DiagnosticReport/1", "The costophrenic angles are sharp.", {"kind": "report_sentence"}),
    "case": ("case:k", "similar case with pleural effusion", {"finding": "pleural_effusion", "polarity": "present"}),
    "guidance": ("guidance:t#1", "Consider a pleural tap.", {}),
}


@pytest.mark.parametrize(
    ("kind", "fields", "sources", "outcome"),
    [
        ("assessment", {}, ("fact",), "supported"),
        ("assessment", {}, ("case",), "unsupported"),
        ("assessment", {}, ("guidance", "case"), "unsupported"),
        ("finding", {"finding": "pleural_effusion"}, ("image",), "supported"),
        ("finding", {"finding": "pleural_effusion"}, ("report",), "supported"),
        ("finding", {"finding": "pleural_effusion"}, ("case",), "unsupported"),
        ("finding", {"finding": "pleural_effusion"}, ("problem",), "unsupported"),
        ("finding", {"finding": "nodule"}, ("image",), "unsupported"),
        ("finding", {"finding": "pleural_effusion", "polarity": "absent"}, ("image none",), "supported"),
        ("finding", {"finding": "pleural_effusion", "polarity": "absent"}, ("report none",), "supported"),
        ("finding", {"finding": "pleural_effusion", "polarity": "absent"}, ("image",), "unsupported"),
        ("assessment", {"polarity": "absent"}, ("no allergy",), "supported"),
        ("assessment", {"polarity": "absent"}, ("fact",), "unsupported"),
        ("recommendation", {}, ("fact", "guidance"), "supported"),
        ("recommendation", {}, ("fact",), "unsupported"),
        ("recommendation", {}, ("guidance",), "unsupported"),
        ("recommendation", {}, ("case", "guidance"), "unsupported"),
        ("caution", {}, ("case",), "unsupported"),
        ("caution", {}, ("fact",), "supported"),
    ],
)
def test_weighs_kinds(
    *, item: Make, claim: Make, patient: str, kind: str, fields: dict[str, Any], sources: tuple[str, ...], outcome: str
) -> None:
    cited = tuple(item(f"E{n}", SOURCES[s][0], SOURCES[s][1], **SOURCES[s][2]) for n, s in enumerate(sources, start=1))
    posed: Claim = claim("x", *(e.id for e in cited), kind=kind, **fields)
    assert check(posed, cited, patient).outcome == outcome
