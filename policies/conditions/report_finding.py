"""`report_finding`: a report states a finding, in a sentence or as a coded conclusion.

    report_finding: {finding: tension_pneumothorax, value_set: tension_pneumothorax, suspected: true, within_days: 3}

Sentences come as evidence of kind `report_sentence` with their polarity. A sentence that hedges is open, unless
`suspected` lets it count; a denied finding is a no.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from fhir.chart import Fact
from fhir.time import parse_when
from fhir.value_sets import VALUE_SETS
from fhir.views import objects, obscured
from policies.case import PolicyCase
from policies.conditions.answer import Answer, answer
from policies.conditions.base import Spec, ValueSetName, chart_none, existing, future, gaps, in_window, labelled, time_of
from policies.conditions.reading import FindingKey
from policies.evidence import Evidence
from policies.grounding.lexicon import mentions
from policies.outcome import Basis

_UNISSUED = ("registered", "cancelled")

_MARKER = "urn:sidenote:injection-marker|"
"""Code system of `tools.injection`, which this folder may not import: how a sentence that speaks to a machine is marked."""


class ReportFinding(Spec):
    """A report within the window states `finding`, or carries a conclusion code of `value_set`."""

    kind: Literal["report_finding"] = "report_finding"
    finding: FindingKey
    value_set: ValueSetName | None = None
    suspected: bool = False
    within_days: int | None = Field(default=None, ge=0)


def evaluate(spec: ReportFinding, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    found = (*_sentences(spec, case), *_conclusions(spec, case))
    missing = gaps(case.chart, ("DiagnosticReport",)) + _obscured(spec, case)
    return existing(found, missing, chart_none(f"report of {spec.finding.replace('_', ' ')}"))


def _sentences(spec: ReportFinding, case: PolicyCase) -> Iterator[Answer]:
    for item in case.evidence:
        if item.kind != "report_sentence" or not (item.finding == spec.finding or _named_in_flagged(item, spec)):
            continue
        inside = in_window(parse_when(item.when) if item.when else None, case.as_of, spec.within_days)
        if inside is not False:
            yield answer(_stated(item, spec, inside), item.reference, f"report sentence {item.id}: {item.polarity or 'polarity not read'}")


def _named_in_flagged(item: Evidence, spec: ReportFinding) -> bool:
    """Whether a sentence that speaks to a machine names the finding: it states nothing, and it rules nothing out."""
    flagged = item.finding is None and any(code.startswith(_MARKER) for code in item.codes)
    return flagged and any(mention.finding == spec.finding for mention in mentions(item.text))


def _obscured(spec: ReportFinding, case: PolicyCase) -> tuple[Basis, ...]:
    """Reports of the window that a modifier of unknown meaning keeps from being read."""
    reports = (fact for fact in case.chart.of_type("DiagnosticReport") if obscured(fact) and not future(fact, case.as_of))
    inside = (fact for fact in reports if in_window(time_of(fact), case.as_of, spec.within_days) is not False)
    return tuple(Basis(reference=fact.reference, detail="a report not read: it carries a modifier of unknown meaning") for fact in inside)


def _stated(item: Evidence, spec: ReportFinding, inside: bool | None) -> bool | None:
    if item.polarity == "absent":
        return False
    counts = item.polarity == "present" or (spec.suspected and item.polarity == "uncertain")
    return True if counts and inside else None


def _conclusions(spec: ReportFinding, case: PolicyCase) -> Iterator[Answer]:
    if spec.value_set is None:
        return
    chosen = VALUE_SETS[spec.value_set]
    for fact in case.index.usable("DiagnosticReport"):
        if fact.body.get("status") in _UNISSUED or future(fact, case.as_of):
            continue
        if any(chosen.matches(concept) for concept in objects(fact.body.get("conclusionCode"))):
            yield _conclusion(spec, case, fact)


def _conclusion(spec: ReportFinding, case: PolicyCase, fact: Fact) -> Answer:
    inside = in_window(time_of(fact), case.as_of, spec.within_days)
    return labelled(fact, f"conclusion code of {spec.finding.replace('_', ' ')}", inside)
