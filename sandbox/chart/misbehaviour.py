"""The switch that makes the hospital's server misbehave: one plan for the whole server, whoever asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.ehr.hospital import Hospital

SLOW_SECONDS = 2.0
REFUSABLE = (
    "AllergyIntolerance",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "ImagingStudy",
    "MedicationRequest",
    "Observation",
    "Procedure",
    "ServiceRequest",
)
"""Types that can be refused."""
_STRANGER = "pretend-stranger"


@dataclass(frozen=True, slots=True)
class Plan:
    """How the server misbehaves."""

    slow: bool = False
    refused: tuple[str, ...] = ()
    """Types answered with 403."""
    down: bool = False
    mixed: bool = False
    """Whether another patient's result stands in every list."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The plan in words; () when the server behaves."""
        told = (
            (self.down, "Every question is answered with 503: the server is down."),
            (self.slow, f"Every answer takes {SLOW_SECONDS:.0f} seconds longer."),
            (bool(self.refused), f"Refused with 403: {', '.join(self.refused)}."),
            (self.mixed, "Another patient's result stands in every list of results."),
        )
        return tuple(sentence for holds, sentence in told if holds)


class PlanInvalid(ValueError):
    """What was asked is no plan."""


def plan_of(asked: Mapping[str, Any]) -> Plan:
    """Read a plan as the page sends it: `slow`, `down`, `mixed` (booleans), `refused` (types); each may be missing.

    Raises:
        PlanInvalid: another key, another shape, or a type that cannot be refused.
    """
    switches = {name: asked.get(name, False) for name in ("slow", "down", "mixed")}
    refused = asked.get("refused", [])
    if set(asked) - {*switches, "refused"} or not all(isinstance(value, bool) for value in switches.values()):
        raise PlanInvalid("unknown or misshapen switch")
    if not isinstance(refused, list) or not all(name in REFUSABLE for name in refused):
        raise PlanInvalid("a type that cannot be refused")
    return Plan(refused=tuple(name for name in REFUSABLE if name in refused), **switches)


class Misbehaviour:
    """The plan of one hospital, and the carrying out of it. The chart page itself reads the store and is not struck."""

    def __init__(self, hospital: Hospital) -> None:
        """The server behaves."""
        self._hospital = hospital
        self.plan = Plan()

    def follow(self, plan: Plan) -> None:
        """Misbehave as the plan says from now on, and in no other way."""
        faults = self._hospital.faults
        faults.clear()
        self.plan = plan
        faults.latency = SLOW_SECONDS if plan.slow else 0.0
        if plan.down:
            faults.answer(503, times=None)
        faults.forbid(*plan.refused)
        if plan.mixed:
            faults.add_to_bundles(_STRANGERS_RESULT)

    def end_sessions(self) -> None:
        """Every token given out so far is worth nothing from now on: the next question gets 401, and renewing is refused."""
        self._hospital.auth.tokens.revoke_all()


_STRANGERS_RESULT: Mapping[str, Any] = {
    "resourceType": "Observation",
    "id": f"{_STRANGER}-result",
    "status": "final",
    "code": {"text": "Potassium", "coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
    "subject": {"reference": f"Patient/{_STRANGER}"},
    "effectiveDateTime": "2026-11-20T08:00:00Z",
    "valueQuantity": {"value": 6.9, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
}
