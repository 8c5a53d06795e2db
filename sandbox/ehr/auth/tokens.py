"""Access and refresh tokens, and what becomes of them (RFC 6749, 1.4, 1.5, 6; RFC 9700, 4.14: rotation)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.grants import Grant
from sandbox.ehr.auth.refusal import OAuthRefusal


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token: `scopes` may be narrower than the grant's. A `family` is all that came of one authorization."""

    token: str
    grant: Grant
    scopes: tuple[str, ...]
    family: str
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class _Refresh:
    grant: Grant
    family: str


class TokenBook:
    """All tokens the server gave out."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Read the time from `now`."""
        self.now = now
        self._access: dict[str, Issued] = {}
        self._refresh: dict[str, _Refresh] = {}
        self._spent: dict[str, _Refresh] = {}
        self._revoked: set[str] = set()

    def issue(self, grant: Grant, scopes: tuple[str, ...], seconds: int, family: str | None = None) -> Issued:
        """A new access token, of a new family unless one is named."""
        begun = int(self.now())
        issued = Issued(secrets.token_urlsafe(32), grant, scopes, family or secrets.token_hex(8), begun, begun + seconds)
        self._access[issued.token] = issued
        return issued

    def refresh_token(self, grant: Grant, family: str) -> str:
        """A new refresh token of a family."""
        token = secrets.token_urlsafe(32)
        self._refresh[token] = _Refresh(grant, family)
        return token

    def find(self, token: str) -> Issued | None:
        """The access token, unless it is unknown, expired or revoked."""
        issued = self._access.get(token)
        alive = issued is not None and issued.family not in self._revoked and self.now() < issued.expires_at
        return issued if alive else None

    def peek(self, token: str, client_id: str) -> Grant | None:
        """The grant of a refresh token of a client, which stays unused; None for a token that `spend` would refuse."""
        held = self._refresh.get(token)
        usable = held is not None and held.family not in self._revoked and held.grant.client_id == client_id
        return held.grant if held is not None and usable else None

    def holder(self, token: str) -> str | None:
        """The client a refresh token was issued to, a spent one too; None for one that was never issued."""
        held = self._refresh.get(token) or self._spent.get(token)
        return held.grant.client_id if held is not None else None

    def spend(self, token: str, client_id: str) -> tuple[Grant, str]:
        """Use a refresh token up: its grant and family.

        Raises:
            OAuthRefusal: invalid_grant for one that is unknown, revoked or another client's; for a spent one too, and then the
                whole family is revoked, because somebody has a copy.
        """
        if token in self._spent:
            self.revoke(self._spent[token].family)
            raise OAuthRefusal("invalid_grant", "the refresh token was used before: everything that came of it is revoked")
        held = self._refresh.get(token)
        if held is None or held.family in self._revoked or held.grant.client_id != client_id:
            raise OAuthRefusal("invalid_grant", "the refresh token is not valid")
        del self._refresh[token]
        self._spent[token] = held
        return held.grant, held.family

    def revoke(self, family: str) -> None:
        """Nothing of a family is valid any more."""
        self._revoked.add(family)

    def revoke_token(self, token: str, client_id: str) -> None:
        """Revoke one token of a client (RFC 7009, 2.1): of a refresh token all that came of its authorization; an unknown one is none.

        Raises:
            OAuthRefusal: unauthorized_client, for another client's token.
        """
        issued, held = self._access.get(token), self._refresh.get(token)
        grant = issued.grant if issued is not None else held.grant if held is not None else None
        if grant is not None and grant.client_id != client_id:
            raise OAuthRefusal("unauthorized_client", "the token was issued to another client")
        if held is not None:
            self.revoke(held.family)
        self._access.pop(token, None)

    def sign_out(self, user: User) -> None:
        """What a person's session carried is not valid any more; a grant that outlasts it is."""
        held: list[Issued | _Refresh] = [*self._access.values(), *self._refresh.values()]
        self._revoked |= {each.family for each in held if each.grant.user == user and not each.grant.outlasts_sign_out}

    def expire_access_tokens(self) -> None:
        """All access tokens given out so far are expired; refresh tokens are not."""
        self._access.clear()

    def revoke_all(self) -> None:
        """Nothing given out so far is valid any more."""
        self._revoked |= {each.family for each in self._access.values()} | {each.family for each in self._refresh.values()}
