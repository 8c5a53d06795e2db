"""`allergy`: an allergy or intolerance of a value set, by how severe the record says it was.

    allergy: {value_set: contrast_allergy, severity: severe}

Severe means `criticality` high or a reaction of `severity` severe. With neither stated, severity is open.
"""

from __future__ import annotations

from typing import Literal

from fhir.chart import Fact
from fhir.views import objects
from policies.case import PolicyCase
from policies.conditions.answer import Answer
from policies.conditions.base import Spec, ValueSetName, chart_none, existing, future, gaps, labelled, unclear
from policies.conditions.index import code_values


class Allergy(Spec):
    """An active AllergyIntolerance of `value_set` of the severity asked for."""

    kind: Literal["allergy"] = "allergy"
    value_set: ValueSetName
    severity: Literal["any", "severe", "not_severe"] = "any"


def evaluate(spec: Allergy, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    found = (
        labelled(fact, f"{spec.value_set.replace('_', ' ')}, {_words(fact)}", _holds(fact, spec))
        for fact in case.index.matching(spec.value_set, "AllergyIntolerance")
        if not future(fact, case.as_of)
    )
    missing = gaps(case.chart, ("AllergyIntolerance",)) + unclear(case, spec.value_set, ("AllergyIntolerance",))
    return existing(found, missing, chart_none(spec.value_set))


def _holds(fact: Fact, spec: Allergy) -> bool | None:
    clinical = code_values(fact.body.get("clinicalStatus"))
    if clinical & {"inactive", "resolved"}:
        return False
    active = True if "active" in clinical else None
    asked = {"any": True, "severe": _severe(fact), "not_severe": None if _severe(fact) is None else not _severe(fact)}[spec.severity]
    return False if asked is False else None if None in (active, asked) else True


def _severe(fact: Fact) -> bool | None:
    severities = {said for reaction in objects(fact.body.get("reaction")) if isinstance(said := reaction.get("severity"), str)}
    criticality = fact.body.get("criticality")
    if criticality == "high" or "severe" in severities:
        return True
    return False if criticality == "low" or severities else None


def _words(fact: Fact) -> str:
    return {True: "severe", False: "not severe", None: "severity not stated"}[_severe(fact)]
