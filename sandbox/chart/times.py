"""Dates and times as people read them. A date of the record stays as exact as the record gives it, and no more."""

from __future__ import annotations

from datetime import datetime, timedelta

from fhir.time import When, parse_when

_DATE_FORMS = {4: "%Y", 7: "%b %Y", 10: "%-d %b %Y"}


def shown(text: str | None) -> str:
    """A FHIR date, dateTime or instant in words, in UTC; what is none of them as it stands; "" for None.

    >>> shown("1955-03-14"), shown("2026-11"), shown("2026-11-20T09:12:00+01:00"), shown("last week")
    ('14 Mar 1955', 'Nov 2026', '20 Nov 2026, 08:12', 'last week')
    """
    found = parse_when(text) if text else None
    if found is None or text is None:
        return text or ""
    form = _DATE_FORMS.get(len(text))
    return _clock(text, found) if form is None else datetime.fromisoformat(text + "-01-01"[: 10 - len(text)]).strftime(form)


def _clock(text: str, found: When) -> str:
    """A time without a zone is a time of the place: it is shown as it is written."""
    moment = found.earliest if found.earliest == found.latest else datetime.fromisoformat(text[:16])
    return moment.strftime("%-d %b %Y, %H:%M")


def ago(text: str | None, now: datetime) -> str:
    """How long before `now` (aware) it was, in the largest whole unit; "" when it is later, or not known to the day.

    >>> ago("2026-11-20T08:12:00Z", datetime(2026, 11, 20, 9, tzinfo=UTC)), ago("2026-11-17", datetime(2026, 11, 20, 9, tzinfo=UTC))
    ('48 min ago', '3 days ago')
    """
    found = parse_when(text) if text and len(text) >= 10 else None
    if found is None or text is None or found.earliest > now:
        return ""
    if len(text) == 10:
        days = (now.date() - datetime.fromisoformat(text).date()).days
        return "today" if days <= 0 else _days(days)
    return _since(max(now - found.latest, timedelta()))


def _since(gone: timedelta) -> str:
    minutes = int(gone.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else _days(gone.days)


def _days(days: int) -> str:
    for most, size, name in ((60, 1, "day"), (730, 30, "month")):
        if days < most:
            count = days // size
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return f"{days // 365} years ago"
