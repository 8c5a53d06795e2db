"""Devices carried and procedures that took place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fhir.chart import Chart
from tools import procedures


def test_devices_before_procedures_and_only_those_that_are_or_were(make_chart: Callable[..., Chart], as_of: datetime) -> None:
    chart = make_chart(
        {"resourceType": "Procedure", "status": "completed", "code": {"text": "Thoracentesis"}, "performedDateTime": "2026-01-01"},
        {"resourceType": "Procedure", "status": "not-done", "code": {"text": "Biopsy"}},
        {"resourceType": "Procedure", "status": "completed", "code": {"text": "Later"}, "performedDateTime": "2027-01-01"},
        {"resourceType": "Device", "status": "active", "type": {"text": "Pacemaker"}},
        {"resourceType": "Device", "status": "inactive", "type": {"text": "Old lead"}},
    )
    assert [item.quotes[0].text for item in procedures.look_up(chart, "Patient/p", as_of)] == ["Pacemaker", "Thoracentesis"]
