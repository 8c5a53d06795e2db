"""Dates in words: as exact as the record gives them, and no more."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.chart.times import ago, shown

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ""),
        ("1955", "1955"),
        ("1955-03", "Mar 1955"),
        ("1955-03-04", "4 Mar 1955"),
        ("2026-11-20T09:12:00+01:00", "20 Nov 2026, 08:12"),
        ("2026-11-20T08:12:00.250Z", "20 Nov 2026, 08:12"),
        ("2026-11-20T08:12:00", "20 Nov 2026, 08:12"),
        ("last <week>", "last <week>"),
    ],
)
def test_a_date_is_shown_as_exact_as_it_is(text: str | None, words: str) -> None:
    assert shown(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-20T09:00:00Z", "0 min ago"),
        ("2026-11-20T08:01:00Z", "59 min ago"),
        ("2026-11-20T07:00:00Z", "2 h ago"),
        ("2026-11-18T10:00:00Z", "47 h ago"),
        ("2026-11-18T09:00:00Z", "2 days ago"),
        ("2026-11-20", "today"),
        ("2026-11-19", "1 day ago"),
        ("2026-08-14", "3 months ago"),
        ("2021-11-20", "5 years ago"),
        ("2026-11-20T09:00:01Z", ""),
        ("2027-01-01", ""),
        ("2026-11", ""),
        ("sometime ago", ""),
        (None, ""),
    ],
)
def test_how_long_ago_is_told_in_the_largest_whole_unit_or_not_at_all(text: str | None, words: str) -> None:
    assert ago(text, NOW) == words


@given(st.text(max_size=30))
def test_no_text_of_a_record_breaks_a_page(text: str) -> None:
    assert isinstance(shown(text), str)
    assert isinstance(ago(text, NOW), str)
