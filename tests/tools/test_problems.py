"""What counts as a present condition."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from fhir.chart import Chart
from tools import problems


@pytest.mark.parametrize(
    ("clinical", "verification", "shown"),
    [
        ("active", "confirmed", True),
        ("recurrence", "confirmed", True),
        ("active", "provisional", True),
        (None, "confirmed", True),
        ("resolved", "confirmed", False),
        ("inactive", "confirmed", False),
        ("remission", "confirmed", False),
        ("active", "refuted", False),
        ("active", "entered-in-error", False),
    ],
)
def test_shows_a_condition_by_its_statuses(
    make_chart: Callable[..., Chart], as_of: datetime, clinical: str | None, verification: str, shown: bool
) -> None:
    condition = {"resourceType": "Condition", "code": {"text": "Heart failure"}, "verificationStatus": {"coding": [{"code": verification}]}}
    if clinical is not None:
        condition["clinicalStatus"] = {"coding": [{"code": clinical}]}
    found = problems.look_up(make_chart(condition), "Patient/p", as_of)
    assert bool(found) is shown
    assert all(verification in item.text for item in found)
