"""What has been ordered and is not yet done."""

from __future__ import annotations

from datetime import datetime

from fhir.chart import Chart, Fact
from fhir.views import newest_first, status, usable
from policies.evidence import Sourced
from tools.selection import told

OPEN = frozenset({"active", "draft", "on-hold"})


def look_up(chart: Chart, patient: str, as_of: datetime, most: int = 10) -> tuple[Sourced, ...]:
    """Open ServiceRequests, newest first, at most `most`.

    An order for a later day is what is being decided about, so that here, unlike in the other look-ups, a date after `as_of`
    does not put a fact out of sight.
    """
    return told(held(chart, as_of)[:most], patient)


def held(chart: Chart, as_of: datetime) -> tuple[Fact, ...]:
    """The facts of `look_up`, all of them."""
    del as_of
    return newest_first(tuple(fact for fact in chart.of_type("ServiceRequest") if usable(fact) and status(fact) in OPEN))
