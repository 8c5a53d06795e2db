"""What has been ordered and is not yet done."""

from __future__ import annotations

from datetime import datetime

from fhir.chart import Chart
from fhir.views import status, usable
from policies.evidence import Sourced
from tools.selection import told

OPEN = frozenset({"active", "draft", "on-hold"})


def look_up(chart: Chart, patient: str, as_of: datetime, most: int = 10) -> tuple[Sourced, ...]:
    """Open ServiceRequests in the chart's order, at most `most`.

    An order for a later day is what is being decided about, so that here, unlike in the other look-ups, a date after `as_of`
    does not put a fact out of sight.
    """
    del as_of
    return told([fact for fact in chart.of_type("ServiceRequest") if usable(fact) and status(fact) in OPEN][:most], patient)
