"""`absent`: nothing of a value set stands in the record's window.

    absent: {value_set: egfr, resource_types: [Observation], within_days: 30}

Yes only after a complete pull: "none" and "not available" are never the same. An observation without a value, or
with one that is declared absent, or whose answer is of `except_answer` (such as "unknown"), does not count as something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from fhir.absence import value_in
from fhir.chart import Fact
from fhir.value_sets import VALUE_SETS
from fhir.views import settled
from policies.case import PolicyCase
from policies.conditions.answer import Answer, negated
from policies.conditions.base import Spec, ValueSetName, chart_none, existing, future, gaps, in_window, labelled, time_of, unclear
from policies.conditions.index import code_values

Clinical = Literal["Observation", "Condition", "Procedure", "MedicationRequest", "AllergyIntolerance", "DiagnosticReport", "ImagingStudy"]


class Absent(Spec):
    """No fact of `value_set` among `resource_types` within `within_days` before the as-of time."""

    kind: Literal["absent"] = "absent"
    value_set: ValueSetName
    resource_types: tuple[Clinical, ...] = Field(default=("Observation",), min_length=1)
    within_days: int | None = Field(default=None, ge=0)
    except_answer: ValueSetName | None = None


def evaluate(spec: Absent, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    window = f" in {spec.within_days} days" if spec.within_days is not None else ""
    nothing = chart_none(f"{spec.value_set}{window}")
    missing = gaps(case.chart, spec.resource_types) + unclear(case, spec.value_set, spec.resource_types, spec.within_days)
    return negated(existing(_found(spec, case), missing, nothing))


def _found(spec: Absent, case: PolicyCase) -> Iterator[Answer]:
    for resource_type in spec.resource_types:
        for fact in case.index.matching(spec.value_set, resource_type):
            if future(fact, case.as_of) or not _says_something(fact, spec):
                continue
            inside = in_window(time_of(fact), case.as_of, spec.within_days)
            if inside is not False:
                final = _final(fact)
                yield labelled(fact, spec.value_set.replace("_", " "), None if inside is None or not final else True)


def _says_something(fact: Fact, spec: Absent) -> bool:
    if fact.resource_type == "Condition":
        return not code_values(fact.body.get("clinicalStatus")) & {"inactive", "resolved", "remission"}
    if fact.resource_type != "Observation":
        return True
    if fact.body.get("status") == "cancelled" or value_in(fact.body) is None:
        return False
    coded = fact.body.get("valueCodeableConcept")
    concept: Mapping[str, object] = coded if isinstance(coded, Mapping) else {"text": fact.body.get("valueString")}
    return spec.except_answer is None or not VALUE_SETS[spec.except_answer].matches(concept)


def _final(fact: Fact) -> bool:
    return fact.resource_type != "Observation" or settled(fact)
