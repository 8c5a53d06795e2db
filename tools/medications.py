"""Medicines the chart holds as being taken now."""

from __future__ import annotations

from datetime import datetime

from fhir.chart import Chart, Fact
from fhir.views import status
from policies.evidence import Sourced
from tools.selection import newest_first, told

ACTIVE = frozenset({"active", "on-hold", "intended", "unknown", "draft"})
"""Statuses that may mean "taken now". `on-hold` and `unknown` are shown with their status instead of being left out."""


def look_up(chart: Chart, patient: str, as_of: datetime, most: int = 20) -> tuple[Sourced, ...]:
    """Active MedicationRequests and MedicationStatements, newest first, at most `most`."""
    return told(held(chart, as_of)[:most], patient)


def held(chart: Chart, as_of: datetime) -> tuple[Fact, ...]:
    """The facts of `look_up`, all of them."""
    facts = newest_first(chart, ("MedicationRequest", "MedicationStatement"), as_of)
    return tuple(fact for fact in facts if status(fact) in ACTIVE)
