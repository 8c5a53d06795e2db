"""What the checks share: which evidence is about a patient, how outcomes rank, how an answer is worded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from policies.claim import Check, VerdictOutcome
from policies.evidence import Evidence

PATIENT_KINDS: Final = frozenset({"chart_fact", "report_sentence", "image_finding", "calculation"})
"""Kinds of evidence that are about one patient. The other two, similar cases and guidance, are about nobody here."""

STATED_KINDS: Final = frozenset({"finding", "assessment"})
"""Kinds of claim that state something about the patient and nothing else; they are held to the evidence word by word."""

_COUNT: Final = re.compile(r"\b\d+ of \d+ (?:comparable|similar) cases\b", re.IGNORECASE)

_RANK: Final[dict[VerdictOutcome, int]] = {"contradicted": 0, "unsupported": 1, "cannot_tell": 2, "supported": 3}


def worst(outcomes: Iterable[VerdictOutcome]) -> VerdictOutcome:
    """The worst of `outcomes`: contradicted, then unsupported, then cannot_tell; `supported` when there is none."""
    return min(outcomes, key=_RANK.__getitem__, default="supported")


def about_patient(cited: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """The items of `cited` that are about a patient."""
    return tuple(item for item in cited if item.kind in PATIENT_KINDS)


def without_others(text: str, cited: tuple[Evidence, ...]) -> tuple[str, tuple[Evidence, ...]]:
    """A claim's text less the counts of other people, and the items that may carry what is left: all but similar cases.

    Of a similar case a claim may say the count that the case's own text gives ("4 of 5 comparable cases"), and nothing else: a
    number, a date, a side or a name of another person is none of this patient's.
    """
    given = {match[0].lower() for item in cited if item.kind == "similar_case" for match in _COUNT.finditer(item.text)}
    rest = _COUNT.sub(lambda match: "comparable cases" if match[0].lower() in given else match[0], text)
    return rest, tuple(item for item in cited if item.kind != "similar_case")


def answer(name: str, problems: list[tuple[VerdictOutcome, str]], fine: str) -> Check:
    """One check's answer: the worst of `problems` with all their details, or `fine`."""
    if not problems:
        return Check(name=name, outcome="supported", detail=fine)
    return Check(name=name, outcome=worst(outcome for outcome, _ in problems), detail="; ".join(detail for _, detail in problems))
