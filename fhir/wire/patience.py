"""How long we wait for a server, how often we ask again, and when it says that it wants to be left alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from fhir.errors import Overloaded, Unreachable

LONGEST_WAIT = 60.0
"""Seconds that a Retry-After is honoured for at most; a server that asks for more is asked again sooner, or not at all."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Time in seconds, and numbers."""

    connect: float = 5.0
    silence: float = 15.0
    """Without a single byte."""
    deadline: float = 60.0
    """For one question with all its repetitions; a long answer that keeps coming is cut off by it too."""
    attempts: int = 3
    """How often a repeatable question is asked at most: a storm of repetitions is a fault of its own."""
    wait: float = 0.2
    """Before the first repetition; doubled for the next, and a random part added so that many clients do not come back at once."""
    longest_wait: float = 5.0
    at_once: int = 6
    """Questions under way together at most, to all origins of one wire."""


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header (RFC 9110 10.2.3: seconds or an HTTP date) asks to wait, at least 0; None when it says nothing.

    >>> retry_after("120")
    120.0
    >>> retry_after("Wed, 21 Oct 2015 07:28:00 GMT", datetime(2015, 10, 21, 7, 27, tzinfo=UTC))
    60.0
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def asks_again(error: Exception, left: float = LONGEST_WAIT) -> bool | float:
    """For `stamina`: whether an error is worth another try, or the seconds to wait before it. With less than that `left`, it is not."""
    if isinstance(error, Overloaded) and error.retry_after is not None:
        wait = min(error.retry_after, LONGEST_WAIT)
        return wait if wait < left else False
    return type(error) in (Unreachable, Overloaded)
