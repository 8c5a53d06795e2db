"""`coded_observation`: the newest coded answer of a value set, e.g. a pregnancy status.

    coded_observation: {value_set: pregnancy_status, is: pregnant_answer, is_not: not_pregnant_answer, within_days: 30}

Yes when the newest answer is of `is`, no when of `is_not`, else cannot tell. None in a complete pull: no.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from fhir.absence import given, result_absent
from fhir.chart import Fact
from fhir.value_sets import VALUE_SETS
from fhir.views import settled
from policies.case import PolicyCase
from policies.conditions.answer import Answer
from policies.conditions.base import Spec, ValueSetName, chart_none, future, gaps, in_window, time_of, unclear
from policies.outcome import Basis


class CodedObservation(Spec):
    """The newest `value_set` observation within the window has an answer of the value set `is`."""

    kind: Literal["coded_observation"] = "coded_observation"
    value_set: ValueSetName
    answer_in: ValueSetName = Field(alias="is")
    answer_not_in: ValueSetName = Field(alias="is_not")
    within_days: int | None = Field(default=None, ge=0)


def evaluate(spec: CodedObservation, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    missing = gaps(case.chart, ("Observation",)) + unclear(case, spec.value_set, ("Observation",), spec.within_days)
    found = [
        fact
        for fact in case.index.matching(spec.value_set, "Observation")
        if not future(fact, case.as_of)
        and fact.body.get("status") != "cancelled"
        and in_window(time_of(fact), case.as_of, spec.within_days) is not False
    ]
    if not found:
        return Answer(None, missing) if missing else Answer(False, (chart_none(spec.value_set),))
    newest = _could_be_newest(found)
    values = {_value(fact, spec, case) for fact in newest}
    agreed = values.pop() if len(values) == 1 and not missing else None
    basis = tuple(Basis(reference=f.reference, detail=_shown(f, _value(f, spec, case), spec)) for f in newest)
    return Answer(agreed, basis + missing)


def _could_be_newest(facts: list[Fact]) -> list[Fact]:
    newest = max((when.earliest for fact in facts if (when := time_of(fact)) is not None), default=None)
    return [fact for fact in facts if newest is None or (when := time_of(fact)) is None or when.latest >= newest]


def _value(fact: Fact, spec: CodedObservation, case: PolicyCase) -> bool | None:
    coded = given(fact.body, "valueCodeableConcept")
    concept: Mapping[str, object] = coded if isinstance(coded, Mapping) else {"text": given(fact.body, "valueString")}
    if not settled(fact) or result_absent(fact.body) or in_window(time_of(fact), case.as_of, spec.within_days) is None:
        return None
    yes, no = VALUE_SETS[spec.answer_in].matches(concept), VALUE_SETS[spec.answer_not_in].matches(concept)
    return yes if yes is not no else None


def _shown(fact: Fact, value: bool | None, spec: CodedObservation) -> str:
    when = time_of(fact)
    said = {True: spec.answer_in, False: spec.answer_not_in, None: "an answer that does not tell"}[value]
    return f"{spec.value_set.replace('_', ' ')}: {said.replace('_', ' ')}{f' on {when.text[:10]}' if when else ''}"
