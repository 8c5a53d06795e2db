"""`device_or_procedure`: an implant or a past procedure of a value set, whichever resource carries it.

    device_or_procedure: {value_set: mri_implant}

Looks in Device, Procedure and Condition (a problem list may say "cardiac pacemaker in situ").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from fhir.chart import Fact
from policies.case import PolicyCase
from policies.conditions.answer import Answer
from policies.conditions.base import Spec, ValueSetName, chart_none, existing, future, gaps, in_window, labelled, time_of, unclear
from policies.conditions.index import code_values

Carrier = Literal["Device", "Procedure", "Condition"]

_NOT_THERE = {
    "Device": ("inactive",),
    "Procedure": ("not-done", "preparation", "stopped"),
}


class DeviceOrProcedure(Spec):
    """A Device, a Procedure or a Condition of `value_set`."""

    kind: Literal["device_or_procedure"] = "device_or_procedure"
    value_set: ValueSetName
    resource_types: tuple[Carrier, ...] = Field(default=("Device", "Procedure", "Condition"), min_length=1)
    within_days: int | None = Field(default=None, ge=0)
    """Procedures only: an implant stays, a session of treatment does not."""


def evaluate(spec: DeviceOrProcedure, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    missing = gaps(case.chart, spec.resource_types) + unclear(case, spec.value_set, spec.resource_types)
    return existing(_found(spec, case), missing, chart_none(spec.value_set))


def _found(spec: DeviceOrProcedure, case: PolicyCase) -> Iterator[Answer]:
    for resource_type in spec.resource_types:
        for fact in case.index.matching(spec.value_set, resource_type):
            if not future(fact, case.as_of):
                yield labelled(fact, f"{spec.value_set.replace('_', ' ')} ({resource_type})", _there(fact, spec, case))


def _there(fact: Fact, spec: DeviceOrProcedure, case: PolicyCase) -> bool | None:
    if fact.resource_type == "Condition":
        clinical = code_values(fact.body.get("clinicalStatus"))
        return False if clinical & {"inactive", "resolved"} else True if clinical else None
    status = fact.body.get("status")
    if status in _NOT_THERE[fact.resource_type]:
        return False
    # Device.status is optional and seldom sent: a listed device without one is taken to be there.
    unstated = status is None and fact.resource_type != "Device"
    inside = in_window(time_of(fact), case.as_of, spec.within_days) if fact.resource_type == "Procedure" else True
    if inside is False:
        return False
    return None if unstated or status == "unknown" or inside is None else True
