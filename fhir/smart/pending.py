"""A launch between its two halves: the browser has been sent to the EHR and has not come back yet.

App Launch 2.2, 4.1: `state` cannot be guessed, belongs to one browser's session, is good once, and not for long.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Protocol

from fhir.errors import LaunchInvalid
from fhir.smart.discovery import Kind
from fhir.smart.pkce import new_verifier
from fhir.smart.scopes import Scopes

LIFETIME = 600.0
"""Seconds a person has to sign in at the EHR and agree."""
MOST = 10_000
"""Launches that are kept at once; a flood pushes out the oldest."""
_SHORTEST_BINDING = 22
"""Characters that hold 128 bits of chance in base64url."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What must be known again when the browser comes back. All of it stays on the server's side."""

    issuer: str
    kind: Kind
    asked: Scopes
    redirect_uri: str
    began: float
    """Seconds since 1970."""
    binding: bytes = field(repr=False)
    """Hash of what ties it to the browser's session; see `bound`."""
    patient: str | None = field(default=None, repr=False)
    """Whose chart it must be, when a session is taken up again; None leaves it to the EHR."""
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=new_verifier, repr=False)

    def require_own(self, binding: str, now: float) -> None:
        """Check that it is the same browser, and in time.

        Raises:
            LaunchInvalid: it is not.
        """
        if not hmac.compare_digest(self.binding, bound(binding)):
            raise LaunchInvalid("the launch was begun in another browser session")
        if not 0 <= now - self.began < LIFETIME:
            raise LaunchInvalid("the launch was begun too long ago: launch again")


def bound(binding: str) -> bytes:
    """The hash of a browser session's secret, such as the value of a cookie that a door set for this purpose.

    Raises:
        LaunchInvalid: it is too short to be unguessable, so anyone's browser could have it.
    """
    if len(binding) < _SHORTEST_BINDING:
        raise LaunchInvalid("there is no browser session to bind the launch to: are cookies blocked?")
    return hashlib.sha256(binding.encode("utf-8", "surrogatepass")).digest()


class PendingStore(Protocol):
    """Where pending launches are kept. Implementation: `PendingLaunches`."""

    async def put(self, pending: Pending) -> None:
        """Keep one."""
        ...

    async def take(self, state: str) -> Pending | None:
        """Give one out and forget it, in one step: of two that ask for the same, one gets it. None when there is none."""
        ...


class PendingLaunches:
    """Kept in this process, by the hash of `state`: how long a look-up takes tells nothing about it."""

    def __init__(self, most: int = MOST) -> None:
        """Empty. `most` are kept; beyond, the oldest is forgotten."""
        self._most = most
        self._kept: dict[bytes, Pending] = {}

    async def put(self, pending: Pending) -> None:
        """See `PendingStore`. Those that are out of time are forgotten too."""
        late = pending.began - LIFETIME
        self._kept = {key: one for key, one in self._kept.items() if one.began > late}
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[_hash(pending.state)] = pending

    async def take(self, state: str) -> Pending | None:
        """See `PendingStore`."""
        return self._kept.pop(_hash(state), None)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).digest()
