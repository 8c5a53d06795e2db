"""Authorization requests that wait for a person, each under a token that its page carries and that is good for one answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.grants import AuthorizationRequest

_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for an answer: of somebody who has signed in, or first for somebody to sign in."""

    asked: AuthorizationRequest
    user: User | None = None


class Asking:
    """What waits.

    The token is bound to the one request and known to the browser that was shown the page: a form that another site makes up has none.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """Read the time from `now`."""
        self.now = now
        self._waiting: dict[str, tuple[Waiting, float]] = {}

    def put(self, waiting: Waiting) -> str:
        """Let a request wait; the token of its page."""
        now = self.now()
        self._waiting = {token: held for token, held in self._waiting.items() if held[1] > now}
        token = secrets.token_urlsafe(32)
        self._waiting[token] = (waiting, now + _SECONDS)
        return token

    def take(self, token: str) -> Waiting | None:
        """The request of a token, which is used up; None for one that is unknown, used or too old."""
        waiting, until = self._waiting.pop(token, (None, 0.0))
        return waiting if self.now() < until else None
