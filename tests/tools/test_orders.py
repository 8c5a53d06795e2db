"""Open orders: also those for a later day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from fhir.chart import Chart
from tools import orders


@pytest.mark.parametrize(
    ("status", "shown"),
    [("active", True), ("draft", True), ("on-hold", True), ("completed", False), ("revoked", False), ("entered-in-error", False)],
)
def test_shows_an_order_while_it_is_open(make_chart: Callable[..., Chart], as_of: datetime, status: str, shown: bool) -> None:
    order = {
        "resourceType": "ServiceRequest",
        "status": status,
        "intent": "order",
        "code": {"text": "CT"},
        "occurrenceDateTime": "2026-12-01",
    }
    found = orders.look_up(make_chart(order), "Patient/p", as_of)
    assert [item.when for item in found] == (["2026-12-01"] if shown else [])
