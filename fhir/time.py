"""FHIR dates and times as intervals, compared in three values: yes, no, cannot tell.

FHIR R4 datatypes, `dateTime` and `instant`: a date may be given to the year, month, day or second. A partial date is the
interval of all instants it could mean. A date without a zone could be anywhere on Earth, so its interval is widened by the
offsets that exist (UTC-12 to UTC+14).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_SHAPE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d{2})(-(?P<day>\d{2})"
    r"(T(?P<hour>\d{2}):(?P<minute>\d{2})(:(?P<second>\d{2})(\.\d+)?)?(?P<zone>Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)
_EASTMOST, _WESTMOST = timedelta(hours=14), timedelta(hours=12)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class When:
    """A time as the record gives it: `text` is the original, `earliest` and `latest` (UTC) bound what it can mean."""

    text: str
    earliest: datetime
    latest: datetime

    def before(self, moment: datetime) -> bool | None:
        """Whether it lies before `moment`; None when its precision does not tell."""
        if self.latest < moment:
            return True
        return False if self.earliest >= moment else None

    def within(self, window: timedelta, until: datetime) -> bool | None:
        """Whether it lies in `[until - window, until]`; None when its precision does not tell."""
        start = until - window
        if self.earliest >= start and self.latest <= until:
            return True
        return False if self.latest < start or self.earliest > until else None


def parse_when(text: str) -> When | None:
    """Read a FHIR date, dateTime or instant; None when `text` is none of them.

    >>> parse_when("2024-03").latest.isoformat()
    '2024-04-01T11:59:59.999999+00:00'
    >>> parse_when("2024-03-01T10:00:00Z").before(datetime(2024, 3, 2, tzinfo=UTC))
    True
    >>> parse_when("yesterday") is None
    True
    """
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return None
    try:
        return When(text, *_bounds(shape, text))
    except (ValueError, OverflowError):
        return None


def _bounds(shape: re.Match[str], text: str) -> tuple[datetime, datetime]:
    if shape["hour"] is not None:
        first, last = _clock(shape, text)
        if first.tzinfo is not None:
            return first.astimezone(UTC), last.astimezone(UTC)
        return first.replace(tzinfo=UTC) - _EASTMOST, last.replace(tzinfo=UTC) + _WESTMOST
    first = datetime(int(shape["year"]), int(shape["month"] or 1), int(shape["day"] or 1), tzinfo=UTC)
    last = _next(shape, first) - _TICK
    return first - _EASTMOST, last + _WESTMOST


def _clock(shape: re.Match[str], text: str) -> tuple[datetime, datetime]:
    """First and last instant of a clock time. One without seconds, which FHIR forbids and systems send, is its whole minute."""
    if shape["second"] == "60":  # a leap second, which FHIR allows and `datetime` does not have: the last instant before it
        moment = datetime.fromisoformat(text[:17] + "59" + text[19:]).replace(microsecond=999_999)
        return moment, moment
    moment = datetime.fromisoformat(text)
    return moment, moment if shape["second"] is not None else moment + timedelta(minutes=1) - _TICK


def _next(shape: re.Match[str], first: datetime) -> datetime:
    if shape["day"] is not None:
        return first + timedelta(days=1)
    if shape["month"] is None:
        return first.replace(year=first.year + 1)
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
