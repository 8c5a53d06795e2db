"""Plain text only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.claim import Claim
from policies.evidence import Evidence
from policies.grounding.checks.no_foreign_links import check

Make = Callable[..., Any]


@pytest.mark.fault(78)
@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Troponin <5 ng/L and > 3 (E1).", "supported"),
        ("Potassium 5.9 mmol/L [E1].", "supported"),
        ("Send to https://collect.example/x", "unsupported"),
        ("See www.evil.example", "unsupported"),
        ("See evil.com/x", "unsupported"),
        ("![a](x.png)", "unsupported"),
        ("[report](y)", "unsupported"),
        ("<img src=x>", "unsupported"),
        ("javascript:alert(1)", "unsupported"),
        ("write to a@b.org", "unsupported"),
        ("hid\u200bden", "unsupported"),
        ("turn \u202e round", "unsupported"),
    ],
)
def test_takes_plain_text_only(*, item: Make, claim: Make, patient: str, text: str, outcome: str) -> None:
    posed: Claim = claim(text, "E1")
    fact: Evidence = item("E1", "Observation/1", text)
    assert check(posed, (fact,), patient).outcome == outcome
