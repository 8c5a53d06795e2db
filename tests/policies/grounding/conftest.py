"""Evidence and claims for the tests of grounding, made from a few words each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from policies.claim import Claim
from policies.evidence import Evidence, Measured, Quote

PATIENT = "Patient/p1"
KINDS = {"image": "image_finding", "case": "similar_case", "guidance": "guidance", "calculation": "calculation"}


@pytest.fixture
def patient() -> str:
    return PATIENT


@pytest.fixture
def item() -> Callable[..., Evidence]:
    """`item("E1", "Observation/1", "Potassium 5.9 mmol/L, final, 2026-11-20", value="5.9", unit="mmol/L", …)`."""

    def make(
        identifier: str, reference: str, text: str, *, value: str | None = None, unit: str = "", comparator: Any = None, **fields: Any
    ) -> Evidence:
        kind = fields.pop("kind", KINDS.get(reference.partition(":")[0], "chart_fact"))
        fields.setdefault("patient", None if kind in ("guidance", "similar_case") else PATIENT)
        fields.setdefault("sha256", hashlib.sha256(text.encode()).hexdigest())
        quotes = (Quote(path="text", text=text),) if kind == "report_sentence" else ()
        measured = None if value is None else Measured(value=value, unit=unit, comparator=comparator)
        fields.setdefault("quotes", quotes)
        return Evidence(id=identifier, kind=kind, reference=reference, text=text, quantity=measured, **fields)

    return make


@pytest.fixture
def claim() -> Callable[..., Claim]:
    """`claim("The potassium was 5.9 mmol/L.", "E1", kind="finding")`."""

    def make(text: str, *evidence: str, kind: Any = "assessment", **fields: Any) -> Claim:
        return Claim(id="C1", text=text, kind=kind, evidence=evidence, **fields)

    return make
