"""Dates in a search: intervals and prefixes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.ehr.dates import date_test, element_span, span

PERIOD = {"start": "2024-01-10", "end": "2024-01-20"}


@pytest.mark.parametrize(
    ("text", "start", "seconds"),
    [
        ("2024", "2024-01-01T00:00:00+00:00", 366 * 86_400),
        ("2024-12", "2024-12-01T00:00:00+00:00", 31 * 86_400),
        ("2024-02-29", "2024-02-29T00:00:00+00:00", 86_400),
        ("2024-01-01T10:00Z", "2024-01-01T10:00:00+00:00", 60),
        ("2024-01-01T10:00:00", "2024-01-01T10:00:00+00:00", 1),
        ("2024-01-01T10:00:00-05:00", "2024-01-01T15:00:00+00:00", 1),
        ("2024-01-01T10:00:00.250Z", "2024-01-01T10:00:00.250000+00:00", 0.001),
    ],
)
def test_a_date_spans_what_its_precision_leaves_open(text: str, start: str, seconds: float) -> None:
    found = span(text)
    assert found is not None
    assert found.start.isoformat() == start
    assert found.end - found.start == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "24", "2024-13", "2023-02-29", "2024-01-01T25:00", "yesterday", "9999-12-31T23:59:59-14:00", "2024-1-1"]
)
def test_other_text_is_no_date(text: str) -> None:
    assert span(text) is None


@pytest.mark.parametrize(
    ("asked", "value", "expected"),
    [
        ("2024-01", "2024-01-10", True),
        ("2024-01-10", "2024-01", False),
        ("eq2024", PERIOD, True),
        ("ne2024-01-10", "2024-01-10T10:00:00Z", False),
        ("ne2024-01-10", "2024-01", True),
        ("gt2024-01-10", "2024-01-10T10:00:00Z", False),
        ("gt2024-01-10", "2024-01-11", True),
        ("gt2024-01-15", PERIOD, True),
        ("ge2024-01-10", "2024-01-10T10:00:00Z", True),
        ("ge2024-01-11", "2024-01-10T23:59:59Z", False),
        ("lt2024-01-10", "2024-01-10T10:00:00Z", False),
        ("lt2024-01-10", "2024-01-09T23:59:59Z", True),
        ("le2024-01-10", "2024-01-10T10:00:00Z", True),
        ("le2024-01-09", "2024-01-10", False),
        ("sa2024-01-09", PERIOD, True),
        ("sa2024-01-15", PERIOD, False),
        ("eb2024-01-21", PERIOD, True),
        ("eb2024-01-15", PERIOD, False),
        ("ge2030", {"start": "2024-01-10"}, True),
        ("lt2000", {"end": "2024-01-10"}, True),
        ("ge2024", {}, False),
        ("ge2024", 7, False),
        ("ge2024", "soon", False),
    ],
)
@pytest.mark.std("E2")
def test_a_prefix_compares_two_intervals(asked: str, value: Any, expected: bool) -> None:
    test = date_test(asked)
    assert test is not None
    assert test(value) is expected


@pytest.mark.parametrize("text", ["ap2024", "xx2024", "ge", "", "gesoon", "2024 "])
def test_an_unknown_prefix_or_no_date_is_no_test(text: str) -> None:
    assert date_test(text) is None


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
def test_of_two_instants_exactly_one_of_before_equal_and_after_holds(one: datetime, other: datetime) -> None:
    value = one.replace(microsecond=0, tzinfo=UTC).isoformat()
    asked = other.replace(microsecond=0, tzinfo=UTC).isoformat()
    passed = [prefix for prefix in ("lt", "eq", "gt") if (date_test(prefix + asked) or bool)(value)]
    assert len(passed) == 1


def test_an_element_without_a_date_has_no_interval() -> None:
    assert element_span(None) is None
    assert element_span({"start": "soon"}) is None
