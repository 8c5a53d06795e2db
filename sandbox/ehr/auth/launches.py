"""Launch handles and authorization codes: opaque, short-lived, each good for one use."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.grants import Grant, Launch
from sandbox.ehr.auth.refusal import OAuthRefusal

_LAUNCH_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: its grant, and what the token request must repeat or prove."""

    grant: Grant
    redirect_uri: str
    code_challenge: str
    expires_at: float
    family: str
    """Of the tokens that it will be exchanged for."""


class Launches:
    """The EHR's side of EHR launches."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Read the time from `now`."""
        self.now = now
        self._launches: dict[str, tuple[Launch, float]] = {}

    def mint(self, launch: Launch) -> str:
        """A `launch` handle for the app's launch URL."""
        handle = secrets.token_urlsafe(24)
        self._launches[handle] = (launch, self.now() + _LAUNCH_SECONDS)
        return handle

    def use(self, handle: str) -> Launch:
        """The launch of a handle, which is used up.

        Raises:
            OAuthRefusal: invalid_request for a handle that is unknown, used or too old.
        """
        launch, until = self._launches.pop(handle, (Launch(), 0.0))
        if self.now() >= until:
            raise OAuthRefusal("invalid_request", "the launch is unknown, used or too old")
        return launch

    def forget(self, user: User) -> None:
        """The handles minted for somebody who signs out are void."""
        self._launches = {handle: held for handle, held in self._launches.items() if held[0].user != user}


class Codes:
    """Authorization codes (RFC 6749, 4.1.2)."""

    def __init__(self, now: Callable[[], float], seconds: int) -> None:
        """Codes live for `seconds`."""
        self.now = now
        self.seconds = seconds
        self._codes: dict[str, Code] = {}
        self._used: dict[str, str] = {}

    def mint(self, grant: Grant, redirect_uri: str, code_challenge: str) -> str:
        """A code for a grant."""
        text = secrets.token_urlsafe(24)
        self._codes[text] = Code(grant, redirect_uri, code_challenge, self.now() + self.seconds, secrets.token_hex(8))
        return text

    def use(self, text: str, revoke: Callable[[str], None]) -> Code:
        """The code, which is used up, whatever comes of the request.

        Raises:
            OAuthRefusal: invalid_grant for a code that is unknown or too old; for a used one too, and then what it was exchanged for
                is revoked (RFC 6749, 4.1.2).
        """
        if text in self._used:
            revoke(self._used[text])
        code = self._codes.pop(text, None)
        if code is None or self.now() >= code.expires_at:
            raise OAuthRefusal("invalid_grant", "the code is unknown, used or too old")
        self._used[text] = code.family
        return code

    def forget(self, user: User) -> None:
        """The codes given to somebody who signs out are void, but for those of a grant that outlasts it (`offline_access`)."""
        self._codes = {text: code for text, code in self._codes.items() if code.grant.user != user or code.grant.outlasts_sign_out}
