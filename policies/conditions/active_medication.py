"""`active_medication`: a medication of a value set is being taken.

    active_medication: {value_set: metformin}

An order or statement on hold, intended, of unknown or no status leaves it open; so does an active one whose medication
the record does not name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from fhir.chart import Fact
from policies.case import PolicyCase
from policies.conditions.answer import Answer
from policies.conditions.base import Spec, ValueSetName, chart_none, existing, future, gaps, labelled, unclear

_OPEN = ("on-hold", "intended", "unknown", None)
_TYPES = ("MedicationRequest", "MedicationStatement")


class ActiveMedication(Spec):
    """A MedicationRequest or MedicationStatement of `value_set` is active."""

    kind: Literal["active_medication"] = "active_medication"
    value_set: ValueSetName


def evaluate(spec: ActiveMedication, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    missing = gaps(case.chart, ("MedicationRequest",), ("MedicationStatement", "Medication")) + unclear(case, spec.value_set, _TYPES)
    return existing(_found(spec, case), missing, chart_none(f"active {spec.value_set}"))


def _found(spec: ActiveMedication, case: PolicyCase) -> Iterator[Answer]:
    name = spec.value_set.replace("_", " ")
    for resource_type in _TYPES:
        for fact in case.index.matching(spec.value_set, resource_type):
            if not future(fact, case.as_of):
                yield labelled(fact, f"{name}, {_status(fact)}", _active(fact))
        for fact in case.index.nameless(resource_type):
            if _active(fact) is not False and not future(fact, case.as_of):
                yield labelled(fact, f"a medication the record does not name, {_status(fact)}", None)


def _active(fact: Fact) -> bool | None:
    status = fact.body.get("status")
    if fact.body.get("doNotPerform") is True or fact.body.get("intent") == "proposal":
        return False
    if status == "active":
        return True
    return None if status in _OPEN else False


def _status(fact: Fact) -> str:
    status = fact.body.get("status")
    return status if isinstance(status, str) else "no status"
