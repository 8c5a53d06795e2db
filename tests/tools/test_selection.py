"""Which facts a look-up may use, and in what order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fhir.chart import Chart
from tools.selection import newest_first, told


def condition(name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": name, "code": {"text": name}, **more}


def test_newest_first_undated_last_and_nothing_from_the_future(make_chart: Callable[..., Chart], as_of: datetime) -> None:
    chart = make_chart(
        condition("undated"),
        condition("old", onsetDateTime="2001"),
        condition("new", onsetDateTime="2026-11-22"),
        condition("future", onsetDateTime="2026-11-25T00:00:00Z"),
        condition("refuted", verificationStatus={"coding": [{"code": "refuted"}]}),
    )
    assert [fact.id for fact in newest_first(chart, ("Condition",), as_of)] == ["new", "old", "undated"]


def test_a_day_that_is_not_over_everywhere_is_not_the_future(make_chart: Callable[..., Chart], as_of: datetime) -> None:
    chart = make_chart(condition("today", onsetDateTime="2026-11-23"))
    assert [fact.id for fact in newest_first(chart, ("Condition",), as_of)] == ["today"]


def test_a_fact_of_which_nothing_can_be_quoted_is_left_out(make_chart: Callable[..., Chart]) -> None:
    chart = make_chart({"resourceType": "Organization", "id": "o"}, condition("c"))
    assert [item.reference for item in told(chart.facts, "Patient/p")] == ["Condition/c"]
