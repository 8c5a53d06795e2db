"""Procedures done and devices carried."""

from __future__ import annotations

from datetime import datetime

from fhir.chart import Chart, Fact
from fhir.views import status
from policies.evidence import Sourced
from tools.selection import newest_first, told


def look_up(chart: Chart, patient: str, as_of: datetime, most: int = 10) -> tuple[Sourced, ...]:
    """Devices that are not inactive, then the newest procedures that took place, at most `most` of each."""
    return told((*devices(chart, as_of)[:most], *done(chart, as_of)[:most]), patient)


def devices(chart: Chart, as_of: datetime) -> tuple[Fact, ...]:
    """Every Device that is not inactive, newest first."""
    return tuple(fact for fact in newest_first(chart, ("Device",), as_of) if status(fact) != "inactive")


def done(chart: Chart, as_of: datetime) -> tuple[Fact, ...]:
    """Every Procedure that took place or is taking place, newest first."""
    return tuple(fact for fact in newest_first(chart, ("Procedure",), as_of) if status(fact) in {"completed", "in-progress"})
