"""`condition`: the patient has a problem of a value set.

    condition: {value_set: aki, suspected: true, within_days: 7}

Active unless the record says otherwise: resolved, inactive and in remission are a no; without `clinicalStatus` it is
open. An unconfirmed, provisional or differential problem is open, unless `suspected` lets it count.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fhir.chart import Fact
from policies.case import PolicyCase
from policies.conditions.answer import Answer
from policies.conditions.base import Spec, ValueSetName, chart_none, existing, future, gaps, in_window, labelled, time_of, unclear
from policies.conditions.index import code_values

_ACTIVE = {"active", "recurrence", "relapse"}
_OVER = {"inactive", "remission", "resolved"}
_UNSURE = {"unconfirmed", "provisional", "differential"}


class Problem(Spec):
    """An active Condition of `value_set`, if `within_days` is given one that began or was recorded in that window."""

    kind: Literal["condition"] = "condition"
    value_set: ValueSetName
    suspected: bool = False
    within_days: int | None = Field(default=None, ge=0)


def evaluate(spec: Problem, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    found = (
        labelled(fact, f"{spec.value_set.replace('_', ' ')}, {_words(fact)}", _holds(fact, spec, case))
        for fact in case.index.matching(spec.value_set, "Condition")
        if not future(fact, case.as_of)
    )
    missing = gaps(case.chart, ("Condition",)) + unclear(case, spec.value_set, ("Condition",), spec.within_days)
    return existing(found, missing, chart_none(spec.value_set))


def _holds(fact: Fact, spec: Problem, case: PolicyCase) -> bool | None:
    clinical, verification = code_values(fact.body.get("clinicalStatus")), code_values(fact.body.get("verificationStatus"))
    ended = any(key.startswith("abatement") and fact.body[key] is not False for key in fact.body)
    if clinical & _OVER or (not clinical and ended):
        return False
    window = in_window(time_of(fact), case.as_of, spec.within_days)
    if window is False:
        return False
    sure = bool(clinical & _ACTIVE) and (spec.suspected or not verification & _UNSURE)
    return True if sure and window else None


def _words(fact: Fact) -> str:
    clinical = sorted(code_values(fact.body.get("clinicalStatus"))) or ["no clinical status"]
    unsure = sorted(code_values(fact.body.get("verificationStatus")) & _UNSURE)
    return ", ".join(clinical + unsure)
