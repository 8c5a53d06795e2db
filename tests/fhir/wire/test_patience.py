"""What a server says about being left alone, and what is asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fhir.errors import AccessRefused, BreakerOpen, DeadlinePassed, Overloaded, SourceError, Unreachable
from fhir.wire.patience import LONGEST_WAIT, asks_again, retry_after

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.fault(4)
@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Saturday, 31-Jan-26 12:00:30 GMT", 30.0),
        ("Sat Jan 31 12:00:30 2026", 30.0),
        ("Sat, 31 Jan 2026 13:00:30 +0100", 30.0),
        ("1.5", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Sat, 32 Jan 2026 12:00:00 GMT", None),
        ("Sat, 31 Jan 99999999999 12:00:00 GMT", None),
    ],
)
def test_reads_seconds_and_dates_and_nothing_else(value: str | None, wanted: float | None) -> None:
    assert retry_after(value, NOW) == wanted


@pytest.mark.fault(4)
@given(st.text(max_size=60) | st.integers().map(str) | st.datetimes().map(str))
@example("9" * 5000)
@example("Mon, 01 Jan 0001 00:00:00 +2359")
def test_whatever_it_says_is_nothing_or_a_time_from_now(value: str) -> None:
    found = retry_after(value)
    assert found is None or 0 <= found < 10**13


@pytest.mark.fault(4)
@pytest.mark.parametrize(
    ("asked", "left", "wanted"),
    [
        (None, 30.0, True),
        (0.0, 30.0, 0.0),
        (2.0, 30.0, 2.0),
        (1e9, 300.0, LONGEST_WAIT),
        (1e9, 30.0, False),
        (40.0, 30.0, False),
    ],
)
def test_a_busy_server_is_waited_for_as_long_as_it_asks_but_within_the_deadline(
    asked: float | None, left: float, wanted: bool | float
) -> None:
    found = asks_again(Overloaded("busy", retry_after=asked), left)
    assert found == wanted
    assert type(found) is type(wanted), "0.0 is a wait of no seconds, False is no wait"


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Unreachable("x"), True),
        (BreakerOpen("x"), False),
        (DeadlinePassed("x"), False),
        (AccessRefused("x"), False),
        (SourceError("x"), False),
        (ValueError("x"), False),
    ],
)
def test_only_a_fault_that_may_pass_is_asked_again(error: Exception, again: bool) -> None:
    assert asks_again(error, 30.0) is again
