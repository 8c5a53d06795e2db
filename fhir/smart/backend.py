"""Backend services: a token for a program that no person started (App Launch 2.2, backend services)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fhir.errors import AuthorizationError, RegistrationInvalid, TokenInvalid
from fhir.smart.clients import KeyClient
from fhir.smart.clock import Clock
from fhir.smart.discovery import Discovery, require_backend
from fhir.smart.issuers import Issuer, Issuers, registered
from fhir.smart.quirks import Quirk
from fhir.smart.scopes import Scopes
from fhir.smart.token import Tokens, requested
from fhir.wire.authorization import SingleFlight
from fhir.wire.wire import Wire

if TYPE_CHECKING:
    import ssl

_REST = 60.0
"""Seconds for which a refusal is remembered: a site that mends its registration need not restart us."""


class BackendService(SingleFlight):
    """Implements `fhir.wire.authorization.Authorization`: a token is fetched when first needed, and again when it ends."""

    def __init__(self, issuer: Issuer, wire: Wire | None = None, clock: Clock = time.time, *, tls: ssl.SSLContext | None = None) -> None:
        """Nothing is asked yet. `wire` reaches the token endpoint; without one it makes its own with `tls`, which `aclose` closes.

        Raises:
            RegistrationInvalid: the client has no key, or a scope is not a `system/` one: nobody is there to say whose patient it is.
        """
        super().__init__()
        if not isinstance(issuer.client, KeyClient):
            raise RegistrationInvalid("backend services sign with a private key")
        if not issuer.asked.clinical or issuer.asked.others or any(scope.context != "system" for scope in issuer.asked.clinical):
            raise RegistrationInvalid("backend services ask for `system/` scopes alone")
        self.issuer = issuer
        self._wire, self._owns = wire or Issuers(issuer).wire(tls), wire is None
        self._clock = clock
        self._discovery = Discovery(self._wire, clock)
        self._tokens: Tokens | None = None
        self._due: float | None = None
        self._refused: float | None = None

    def __repr__(self) -> str:
        """Without the token."""
        return f"BackendService({self.issuer.key!r})"

    @property
    def scopes(self) -> Scopes | None:
        """What was granted; None before the first token."""
        return None if self._tokens is None else self._tokens.scopes

    async def aclose(self) -> None:
        """Close the wire, if it is our own."""
        if self._owns:
            await self._wire.aclose()

    async def header(self) -> str | None:
        """See `Authorization`.

        Raises:
            AuthorizationError: the server refused, or its answer cannot be used.
            Unreachable: it did not answer.
        """
        if self._value is not None and self._due is not None and self._clock() >= self._due:
            await self.renew(self._value)
        return await super().header()

    async def renew(self, stale: str | None) -> bool:
        """See `Authorization`. A refusal is given to everyone who asks within a minute; then the server is asked again."""
        if self._refused is not None and not 0 <= self._clock() - self._refused < _REST:
            self._flight, self._refused = None, None
        return await super().renew(stale)

    async def _fetch(self) -> str:
        try:
            self._tokens = new = await self._asked()
        except AuthorizationError:
            self._refused = self._clock()
            raise
        self._due = new.due(self._clock())
        return f"Bearer {new.access_token}"

    async def _asked(self) -> Tokens:
        found = await self._discovery.of(self.issuer)
        require_backend(found, self.issuer)
        fields = {"grant_type": "client_credentials", "scope": self.issuer.written(self.issuer.asked)}
        new = await requested(self._wire, found.token_endpoint, self.issuer, fields, asked=self.issuer.asked, now=self._clock())
        if new.expires_at is None and Quirk.EXPIRES_IN_ABSENT not in self.issuer.quirks:
            raise TokenInvalid("the token response does not say when the token ends")
        if not new.scopes.clinical:
            raise TokenInvalid("the server granted none of the scopes that were asked")
        return new


def backend_service(
    base: str,
    client_id: str,
    private_jwk: bytes,
    scopes: str,
    *,
    jwks_url: str | None = None,
    elsewhere: tuple[str, ...] = (),
    options: Iterable[str] = (),
    wire: Wire | None = None,
    clock: Clock = time.time,
    tls: ssl.SSLContext | None = None,
) -> BackendService:
    """The authorization of a backend service, from what a site writes into its settings.

    Args:
        base: The FHIR base.
        client_id: As the server registered us.
        private_jwk: The JSON text of our private key as one JWK with a `kid`.
        scopes: Such as `system/*.rs`.
        jwks_url: Where our public key is served, if it was registered by URL.
        elsewhere: Further origins where the server's endpoints may stand.
        options: Names of `fhir.smart.quirks.Quirk`.
        wire: Reaches the server's origins; None makes one.
        clock: Seconds since 1970.
        tls: How the server proves itself to the wire that is made.

    Raises:
        RegistrationInvalid: one of these is not what it should be.
    """
    issuer = registered(base, client_id, scopes, private_jwk=private_jwk, jwks_url=jwks_url, elsewhere=elsewhere, options=options)
    return BackendService(issuer, wire, clock, tls=tls)
