"""Evidence about a patient is about the bound patient; similar cases and guidance are about nobody (FAULTS 63, DESIGN 2)."""

from __future__ import annotations

from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import PATIENT_KINDS, answer

NAME: Final = "right_patient"


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Contradicted when an item is about another patient, or a similar case or guidance names one at all. Never says whose it is."""
    bound = _bare(patient)
    problems: list[tuple[VerdictOutcome, str]] = []
    for item in cited:
        if item.kind not in PATIENT_KINDS:
            problems += [("contradicted", f"{item.id} is {item.kind} and names a patient")] if item.patient is not None else []
        elif item.patient is None:
            problems.append(("unsupported", f"{item.id} does not say which patient it is about"))
        elif not bound or _bare(item.patient) != bound:
            problems.append(("contradicted", f"{item.id} is about another patient"))
    return answer(NAME, problems, "all cited items are about the bound patient, or about nobody")


def _bare(reference: str) -> str:
    return reference.removeprefix("Patient/").strip()
