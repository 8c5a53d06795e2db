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
from policies.case import PolicyCase
from policies.conditions.answer import Answer, answer
from policies.conditions.base import Spec, ValueSetName, chart_none, existing, future, gaps, in_window, labelled, time_of
from policies.conditions.index import listed
from policies.conditions.reading import FindingKey
from policies.evidence import Evidence

_UNISSUED = ("registered", "cancelled")


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
    return existing(found, gaps(case.chart, ("DiagnosticReport",)), chart_none(f"report of {spec.finding.replace('_', ' ')}"))


def _sentences(spec: ReportFinding, case: PolicyCase) -> Iterator[Answer]:
    for item in case.evidence:
        if item.kind != "report_sentence" or item.finding != spec.finding:
            continue
        inside = in_window(parse_when(item.when) if item.when else None, case.as_of, spec.within_days)
        if inside is not False:
            yield answer(_stated(item, spec, inside), item.reference, f"report sentence {item.id}: {item.polarity or 'polarity not read'}")


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
        if any(chosen.matches(concept) for concept in listed(fact.body.get("conclusionCode"))):
            yield _conclusion(spec, case, fact)


def _conclusion(spec: ReportFinding, case: PolicyCase, fact: Fact) -> Answer:
    inside = in_window(time_of(fact), case.as_of, spec.within_days)
    return labelled(fact, f"conclusion code of {spec.finding.replace('_', ' ')}", inside)
