"""Procedures done and devices carried."""

from __future__ import annotations

from datetime import datetime

from fhir.chart import Chart
from fhir.views import status
from policies.evidence import Sourced
from tools.selection import newest_first, told


def look_up(chart: Chart, patient: str, as_of: datetime, most: int = 10) -> tuple[Sourced, ...]:
    """Devices that are not inactive, then the newest procedures that took place, at most `most` of each."""
    devices = [fact for fact in newest_first(chart, ("Device",), as_of) if status(fact) != "inactive"]
    done = [fact for fact in newest_first(chart, ("Procedure",), as_of) if status(fact) in {"completed", "in-progress"}]
    return told((*devices[:most], *done[:most]), patient)
