"""What the checks share: which evidence is about a patient, how outcomes rank, how an answer is worded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from policies.claim import Check, VerdictOutcome
from policies.evidence import Evidence

PATIENT_KINDS: Final = frozenset({"chart_fact", "report_sentence", "image_finding", "calculation"})
"""Kinds of evidence that are about one patient. The other two, similar cases and guidance, are about nobody here."""

STATED_KINDS: Final = frozenset({"finding", "assessment"})
"""Kinds of claim that state something about the patient and nothing else; they are held to the evidence word by word."""

_RANK: Final[dict[VerdictOutcome, int]] = {"contradicted": 0, "unsupported": 1, "cannot_tell": 2, "supported": 3}


def worst(outcomes: Iterable[VerdictOutcome]) -> VerdictOutcome:
    """The worst of `outcomes`: contradicted, then unsupported, then cannot_tell; `supported` when there is none."""
    return min(outcomes, key=_RANK.__getitem__, default="supported")


def about_patient(cited: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """The items of `cited` that are about a patient."""
    return tuple(item for item in cited if item.kind in PATIENT_KINDS)


def answer(name: str, problems: list[tuple[VerdictOutcome, str]], fine: str) -> Check:
    """One check's answer: the worst of `problems` with all their details, or `fine`."""
    if not problems:
        return Check(name=name, outcome="supported", detail=fine)
    return Check(name=name, outcome=worst(outcome for outcome, _ in problems), detail="; ".join(detail for _, detail in problems))
