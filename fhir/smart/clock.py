"""Two clocks that may disagree: the authorization server's and this machine's."""

from __future__ import annotations

from collections.abc import Callable

from fhir.errors import ClockSkewed

Clock = Callable[[], float]
"""Seconds since 1970, as `time.time` gives them."""

LEEWAY = 60
"""Seconds by which a server's clock may run ahead of ours, or a token be past its end."""
OLDEST = 300
"""Seconds that may have passed since a token was issued that has just been handed to us."""


def require_fresh(issued_at: float, now: float) -> None:
    """Refuse a token that was handed over a moment ago, and by its own word was issued at quite another time.

    Raises:
        ClockSkewed: the two clocks are more than a minute (theirs ahead) or five (ours ahead) apart, so neither an end nor a
            beginning can be judged.
    """
    if issued_at > now + LEEWAY:
        raise ClockSkewed("the server's clock is ahead of this machine's clock: set one of them right")
    if issued_at < now - OLDEST:
        raise ClockSkewed("this machine's clock is ahead of the server's clock, or the token is an old one")
