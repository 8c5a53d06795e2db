"""A claim speaks of a fact as the chart does: nothing stopped, resolved or withdrawn stands as current, nothing current as over.

Status codes are those of FHIR R4: Condition.clinicalStatus and verificationStatus, MedicationRequest, MedicationStatement,
AllergyIntolerance, ServiceRequest, Observation and DiagnosticReport.status.
"""

from __future__ import annotations

import re
from typing import Final

from policies.claim import Check, Claim, VerdictOutcome
from policies.evidence import Evidence
from policies.grounding.checks.weighing import STATED_KINDS, answer

NAME: Final = "status"
_NEVER: Final = frozenset({"entered-in-error", "refuted"})
_NOT_CURRENT: Final = frozenset(
    {
        "inactive",
        "resolved",
        "remission",
        "stopped",
        "completed",
        "ended",
        "on-hold",
        "cancelled",
        "revoked",
        "not-taken",
        "not-done",
        "draft",
        "suspended",
        "abandoned",
    }
)
_CURRENT: Final = frozenset({"active", "recurrence", "relapse", "confirmed", "in-progress"})
_PRELIMINARY: Final = frozenset({"preliminary", "registered", "partial"})
_HELD_TO_IT: Final = (
    "Condition",
    "MedicationRequest",
    "MedicationStatement",
    "MedicationAdministration",
    "AllergyIntolerance",
    "ServiceRequest",
    "DeviceUseStatement",
    "CarePlan",
    "Flag",
)
_SAYS_OVER: Final[dict[str, frozenset[str]]] = {
    r"in\s?active|not\s+active": frozenset({"inactive", "remission", "resolved"}),
    r"(?:has\s+|is\s+|was\s+)?resolved": frozenset({"resolved", "inactive", "remission"}),
    r"in\s+remission|remission": frozenset({"remission"}),
    r"stopped|discontinued|no\s+longer\s+(?:taken|takes|taking|on|prescribed)": frozenset({"stopped", "completed", "not-taken", "ended"}),
    r"completed|finished": frozenset({"completed"}),
    r"on[\s-]hold|paused|held|suspended": frozenset({"on-hold", "suspended"}),
    r"cancelled|canceled|revoked|withdrawn": frozenset({"cancelled", "revoked"}),
    r"entered[\s-]in[\s-]error|refuted": frozenset(),
    r"ended": frozenset({"ended", "completed", "stopped"}),
    r"draft": frozenset({"draft"}),
}
_OVER: Final = {re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE): statuses for words, statuses in _SAYS_OVER.items()}
_PAST: Final = re.compile(
    r"\b(?:history|former(?:ly)?|past|previous(?:ly)?|earlier|prior|was|were|had|old|not\s+taken|not\s+done)\b", re.IGNORECASE
)
_NOW: Final = re.compile(
    r"(?<!not )(?<!in)\b(?:active|current(?:ly)?|ongoing|takes|taking|is\s+on(?!\s+hold)|receiving|receives|recurrence|relapse)\b",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
Problems = list[tuple[VerdictOutcome, str]]


def check(claim: Claim, cited: tuple[Evidence, ...], patient: str) -> Check:
    """Contradicted when the claim and a cited status say opposite things; a preliminary result is noted in the detail."""
    withdrawn: Problems = [("contradicted", f"{item.id} is {status}") for item in cited for status in sorted(statuses(item) & _NEVER)]
    held = [item for item in cited if item.kind == "chart_fact" and item.reference.startswith(_HELD_TO_IT)]
    problems = [*withdrawn, *_over_as_current(claim, held), *_current_as_over(claim, held), *_active_without(claim, held)]
    return answer(NAME, problems, _note(claim, cited))


def statuses(item: Evidence) -> frozenset[str]:
    """The status codes of `item`; a status such as "active, confirmed" gives both."""
    return frozenset(_TOKEN.findall((item.status or "").lower()))


def _over_as_current(claim: Claim, held: list[Evidence]) -> Problems:
    said = frozenset().union(*(over for words, over in _OVER.items() if words.search(claim.text)))
    past = _PAST.search(claim.text) is not None and _NOW.search(claim.text) is None
    return [
        ("contradicted", f"{item.id} is {', '.join(sorted(over))} and the claim does not say so")
        for item in held
        if (over := statuses(item) & _NOT_CURRENT) and not over & said and not past
    ]


def _current_as_over(claim: Claim, held: list[Evidence]) -> Problems:
    """Only of claims that state a fact: a recommendation to stop a medication speaks of an active one."""
    if claim.kind not in STATED_KINDS:
        return []
    known = frozenset().union(*(statuses(item) for item in held))
    if not known & _CURRENT:
        return []
    return [
        ("contradicted", "the claim calls over what the cited facts call active")
        for words, over in _OVER.items()
        if words.search(claim.text) and not over & known and not any(words.search(item.text) for item in held)
    ]


def _active_without(claim: Claim, held: list[Evidence]) -> Problems:
    if not held or not _NOW.search(claim.text) or any(statuses(item) & _CURRENT for item in held):
        return []
    if any(statuses(item) for item in held):
        return [("contradicted", "the claim says active and no cited fact is")]
    return [("unsupported", "the claim says active and no cited fact has a status")]


def _note(claim: Claim, cited: tuple[Evidence, ...]) -> str:
    early = [item.id for item in cited if statuses(item) & _PRELIMINARY]
    if early and "preliminary" not in claim.text.lower():
        return f"{', '.join(early)} is preliminary, which the claim does not say"
    return "no status speaks against it"
