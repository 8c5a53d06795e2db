"""FHIR dates as intervals: what a text can mean on Earth, and three-valued answers that hold for every instant of it."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fhir.jsontext
import fhir.time
from fhir.time import When, parse_when

YEARS = (datetime(1900, 1, 1), datetime(2200, 1, 1))
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ANYWHERE = st.datetimes(*YEARS, timezones=OFFSETS)
INSTANTS = st.datetimes(*YEARS, timezones=st.just(UTC))
CUTS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")
SPANS = {"%Y": 366, "%Y-%m": 31, "%Y-%m-%d": 1, "%Y-%m-%dT%H:%M": 1 / 1440, "%Y-%m-%dT%H:%M:%S": 0}


def parsed(text: str) -> When:
    found = parse_when(text)
    assert found is not None, text
    return found


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("2024", "2023-12-31T10:00:00", "2025-01-01T11:59:59.999999"),
        ("2024-12", "2024-11-30T10:00:00", "2025-01-01T11:59:59.999999"),
        ("2024-02", "2024-01-31T10:00:00", "2024-03-01T11:59:59.999999"),
        ("2024-02-29", "2024-02-28T10:00:00", "2024-03-01T11:59:59.999999"),
        ("2024-03-01T10:00:00", "2024-02-29T20:00:00", "2024-03-01T22:00:00"),
        ("2024-03-01T10:00:00Z", "2024-03-01T10:00:00", "2024-03-01T10:00:00"),
        ("2024-03-01T10:00:00.25+02:00", "2024-03-01T08:00:00.25", "2024-03-01T08:00:00.25"),
        ("2024-03-01T23:30:00-05:00", "2024-03-02T04:30:00", "2024-03-02T04:30:00"),
        ("2024-03-01T10:05Z", "2024-03-01T10:05:00", "2024-03-01T10:05:59.999999"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999", "2016-12-31T23:59:59.999999"),
    ],
)
def test_a_text_is_all_the_instants_it_can_mean(text: str, earliest: str, latest: str) -> None:
    found = parsed(text)
    assert found.text == text
    assert (found.earliest, found.latest) == tuple(datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (earliest, latest))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "24",
        "2024-13",
        "2024-00-10",
        "2023-02-29",
        "2024-3-1",
        "20240301",
        "2024-03-01 10:00:00Z",
        "2024-03-01T10Z",
        "2024-03-01T24:00:00Z",
        "2024-03-01T10:00:61Z",
        "2024-03-01T10:60:00Z",
        "2024-03-01Z",
        "2024-03-01T10:00:00+25:00",
        "2024-03-01\n",
        " 2024-03-01",
        "0001-01-01",
        "0000",
        "9999",
        "٢٠٢٤-٠٣",
        "２０２４",
    ],
)
def test_a_text_that_is_no_fhir_date_is_none(text: str) -> None:
    assert parse_when(text) is None


@given(st.text())
def test_any_text_is_a_date_or_none_and_never_an_error(text: str) -> None:
    found = parse_when(text)
    assert found is None or found.earliest <= found.latest


@given(ANYWHERE, st.sampled_from(CUTS))
def test_an_instant_anywhere_on_earth_lies_in_every_text_its_clock_and_calendar_give_it(moment: datetime, cut: str) -> None:
    found = parsed(moment.strftime(cut))
    assert found.earliest <= moment.replace(microsecond=0).astimezone(UTC) <= found.latest
    assert found.latest - found.earliest <= timedelta(days=SPANS[cut], hours=26)


@given(ANYWHERE)
def test_a_time_with_its_zone_is_that_instant_and_no_other(moment: datetime) -> None:
    found = parsed(moment.isoformat(timespec="microseconds"))
    assert found.earliest == found.latest == moment


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)))
def test_less_precision_never_means_less(day: date) -> None:
    text = day.isoformat()
    year, month, whole = (parsed(text[:length]) for length in (4, 7, 10))
    assert year.earliest <= month.earliest <= whole.earliest < whole.latest <= month.latest <= year.latest


@pytest.mark.fault(14)
@given(ANYWHERE, st.sampled_from(CUTS), INSTANTS)
def test_before_is_what_holds_for_every_instant_the_text_can_mean(stated: datetime, cut: str, moment: datetime) -> None:
    found = parsed(stated.strftime(cut))
    ends = {found.earliest < moment, found.latest < moment}
    assert found.before(moment) is (ends.pop() if len(ends) == 1 else None)


@pytest.mark.fault(14)
@given(ANYWHERE, st.sampled_from(CUTS), INSTANTS, st.timedeltas(timedelta(0), timedelta(days=900)))
def test_within_a_window_is_what_holds_for_every_instant_the_text_can_mean(
    stated: datetime, cut: str, until: datetime, window: timedelta
) -> None:
    found = parsed(stated.strftime(cut))
    answer = found.within(window, until)
    instants = [found.earliest, found.latest, *(edge for edge in (until - window, until) if found.earliest <= edge <= found.latest)]
    inside = {until - window <= instant <= until for instant in instants}
    if answer is None:
        assert found.latest >= until - window
        assert found.earliest <= until
    else:
        assert inside == {answer}


@pytest.mark.parametrize("module", [fhir.time, fhir.jsontext], ids=lambda module: module.__name__)
def test_the_examples_of_the_docstrings_are_true(module: object) -> None:
    done = doctest.testmod(module)  # type: ignore[arg-type]  # a module is one
    assert (done.failed, done.attempted > 0) == (0, True)
