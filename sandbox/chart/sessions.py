"""Who is signed in to the chart: a cookie of the chart's own pages, which the server alone can read a name from."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Literal

from sandbox.ehr.auth.clients import User

Theme = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = ("auto", "light", "dark")
_MOST = 500


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One browser's session. `csrf` goes with everything that changes something, beside the cookie that the browser adds by itself."""

    user: User
    csrf: str
    theme: Theme = "auto"


class Sessions:
    """The sessions of one chart server, in memory; the oldest goes when there are too many."""

    def __init__(self) -> None:
        """Nobody is signed in."""
        self._sessions: OrderedDict[str, SignedIn] = OrderedDict()

    def open(self, user: User) -> str:
        """Sign somebody in; the answer is the cookie's value."""
        key = secrets.token_urlsafe(32)
        self._sessions[key] = SignedIn(user, secrets.token_urlsafe(32))
        while len(self._sessions) > _MOST:
            self._sessions.popitem(last=False)
        return key

    def of(self, key: str | None) -> SignedIn | None:
        """The session of a cookie's value; None for one that is unknown or over."""
        return self._sessions.get(key or "")

    def set_theme(self, key: str, theme: Theme) -> None:
        """Remember how somebody wants the pages to look; nothing happens for a session that is over."""
        if key in self._sessions:
            self._sessions[key] = replace(self._sessions[key], theme=theme)

    def close(self, key: str | None) -> None:
        """Sign out; again is no error."""
        self._sessions.pop(key or "", None)
