"""Conditions the chart holds as present."""

from __future__ import annotations

from datetime import datetime

from fhir.chart import Chart, Fact
from fhir.views import clinical_status
from policies.evidence import Sourced
from tools.selection import newest_first, told

PRESENT = frozenset({"active", "recurrence", "relapse", None})
"""Clinical statuses of a condition that is there. One without a status is shown: its absence proves nothing."""


def look_up(chart: Chart, patient: str, as_of: datetime, most: int = 20) -> tuple[Sourced, ...]:
    """Conditions that are not resolved, inactive or in remission, newest first, at most `most`."""
    return told(held(chart, as_of)[:most], patient)


def held(chart: Chart, as_of: datetime) -> tuple[Fact, ...]:
    """The facts of `look_up`, all of them."""
    return tuple(fact for fact in newest_first(chart, ("Condition",), as_of) if clinical_status(fact) in PRESENT)
