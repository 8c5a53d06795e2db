"""Dates in a search: a value is the interval its precision spans, and a prefix compares two intervals (FHIR R4 search.html#date)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_SHAPE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d{2})(-(?P<day>\d{2})(?P<clock>T\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?(?P<zone>Z|[+-]\d{2}:\d{2})?)?)?", re.ASCII
)
_PREFIXED = re.compile(r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<date>\d.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Span:
    """From `start`, included, to `end`, not included, both UTC; a time without a zone is the hospital's, which is UTC."""

    start: datetime
    end: datetime


_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_COMPARE: dict[str, Callable[[Span, Span], bool]] = {
    "eq": lambda value, asked: asked.start <= value.start and value.end <= asked.end,
    "ne": lambda value, asked: not (asked.start <= value.start and value.end <= asked.end),
    "gt": lambda value, asked: value.end > asked.end,
    "lt": lambda value, asked: value.start < asked.start,
    "ge": lambda value, asked: value.end > asked.start,
    "le": lambda value, asked: value.start < asked.end,
    "sa": lambda value, asked: value.start >= asked.end,
    "eb": lambda value, asked: value.end <= asked.start,
}


def span(text: str) -> Span | None:
    """The interval of a FHIR date, dateTime or instant; None for any other text.

    >>> span("2024-02").end.isoformat()
    '2024-03-01T00:00:00+00:00'
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return None
    try:
        return _clock(text, shape) if shape["clock"] else _calendar(shape)
    except (ValueError, OverflowError):
        return None


def _calendar(shape: re.Match[str]) -> Span:
    start = datetime(int(shape["year"]), int(shape["month"] or 1), int(shape["day"] or 1), tzinfo=UTC)
    if shape["day"]:
        return Span(start, start + timedelta(days=1))
    if shape["month"]:
        return Span(start, start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1))
    return Span(start, start.replace(year=start.year + 1))


def _clock(text: str, shape: re.Match[str]) -> Span:
    start = datetime.fromisoformat(text)
    start = (start if shape["zone"] else start.replace(tzinfo=UTC)).astimezone(UTC)
    colons = shape["clock"].count(":")
    length = timedelta(minutes=1) if colons == 1 else timedelta(milliseconds=1) if "." in shape["clock"] else timedelta(seconds=1)
    return Span(start, start + length)


def element_span(value: Any) -> Span | None:
    """The interval of an element: a date in any form, or a Period, open where it has no start or no end."""
    if isinstance(value, str):
        return span(value)
    if not isinstance(value, dict):
        return None
    start, end = span(str(value.get("start"))), span(str(value.get("end")))
    if start is None and end is None:
        return None
    return Span(start.start if start else _FIRST, end.end if end else _LAST)


def date_test(text: str) -> Callable[[Any], bool] | None:
    """The test that a search value such as `ge2024-01` puts to an element; None when it is no date with a known prefix."""
    shape = _PREFIXED.fullmatch(text)
    asked = span(shape["date"]) if shape else None
    compare = _COMPARE.get((shape["prefix"] or "eq") if shape else "")
    if asked is None or compare is None:
        return None

    def test(value: Any) -> bool:
        found = element_span(value)
        return found is not None and compare(found, asked)

    return test
