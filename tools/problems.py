"""Conditions the chart holds as present."""

from __future__ import annotations

from datetime import datetime

from fhir.chart import Chart
from fhir.views import clinical_status
from policies.evidence import Sourced
from tools.selection import newest_first, told

PRESENT = frozenset({"active", "recurrence", "relapse", None})
"""Clinical statuses of a condition that is there. One without a status is shown: its absence proves nothing."""


def look_up(chart: Chart, patient: str, as_of: datetime, most: int = 20) -> tuple[Sourced, ...]:
    """Conditions that are not resolved, inactive or in remission, newest first, at most `most`."""
    facts = newest_first(chart, ("Condition",), as_of)
    return told([fact for fact in facts if clinical_status(fact) in PRESENT][:most], patient)
