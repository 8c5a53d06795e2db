"""A session after a launch: one patient, one token, renewed once for however many calls found it stale (App Launch 2.2, refresh)."""

from __future__ import annotations

import time
from dataclasses import replace

from fhir.errors import AuthorizationError, LaunchAgain, TokenInvalid
from fhir.smart.clock import Clock
from fhir.smart.context import LaunchContext
from fhir.smart.discovery import Discovery
from fhir.smart.idtoken import User
from fhir.smart.introspect import Introspection, introspected
from fhir.smart.issuers import Issuer
from fhir.smart.quirks import Quirk
from fhir.smart.scopes import Scopes
from fhir.smart.token import Tokens, requested
from fhir.wire.authorization import SingleFlight
from fhir.wire.wire import Wire


class Session(SingleFlight):
    """Implements `fhir.wire.authorization.Authorization`. Its context and its patient never change; its token does."""

    def __init__(
        self,
        issuer: Issuer,
        tokens: Tokens,
        context: LaunchContext,
        user: User | None,
        *,
        wire: Wire,
        discovery: Discovery,
        clock: Clock = time.time,
    ) -> None:
        """A session that has just begun. `wire` reaches the token endpoint."""
        super().__init__()
        self.issuer, self.context, self.user = issuer, context, user
        self._wire, self._discovery, self._clock = wire, discovery, clock
        self._over = False
        self._tokens: Tokens = tokens
        self._value = self._take(tokens)

    def __repr__(self) -> str:
        """Without token and patient."""
        return f"Session({self.issuer.key!r}, {'over' if self.over else 'open'})"

    @property
    def over(self) -> bool:
        """Whether only a new launch helps."""
        return self._over

    @property
    def scopes(self) -> Scopes:
        """What is granted now; a renewal may have made it less.

        Raises:
            LaunchAgain: nothing any more.
        """
        return self._held().scopes

    def end(self) -> None:
        """Forget the tokens. Calls under way fail, and so does every later one."""
        self._over, self._value = True, None
        self._tokens = replace(self._tokens, access_token="", refresh_token=None, id_token=None, body={})

    async def header(self) -> str | None:
        """See `Authorization`. A token about to end is renewed before it is used.

        Raises:
            LaunchAgain: the session is over.
            Unreachable: the token has ended, and the server that renews it does not answer.
        """
        self._held()
        if self._due is not None and self._clock() >= self._due:
            await self.renew(self._value)
            self._held()
        return await super().header()

    async def renew(self, stale: str | None) -> bool:
        """See `Authorization`.

        Raises:
            LaunchAgain: there is no refresh token, or the server refused it: nothing is shown from before.
            Unreachable: the server did not answer; the refresh token is kept, and a later call tries again.
        """
        self._held()
        return await super().renew(stale)

    async def introspected(self) -> Introspection:
        """Ask the server whether our token is still good; when it is not, or is another patient's, the session is over.

        Raises:
            LaunchAgain: the session was over already.
            TokenInvalid: the token is another patient's or another user's by the server's word.
            AuthorizationError: see `fhir.smart.introspect.introspected`.
        """
        held = self._held()
        found = await self._discovery.of(self.issuer)
        said = await introspected(self._wire, found, self.issuer, held.access_token, self._clock())
        if not said.active:
            self.end()
        elif not self._agrees(said):
            self.end()
            raise TokenInvalid("by the server's word the token is for another patient or user: the session is over")
        return said

    def _agrees(self, said: Introspection) -> bool:
        same_user = self.user is None or (said.issuer, said.sub) == (self.user.issuer, self.user.sub)
        unsaid = said.patient is None and Quirk.PATIENT_IN_ID_TOKEN in self.issuer.quirks
        return same_user and (unsaid or said.patient == self.context.patient)

    async def _fetch(self) -> str:
        held = self._held()
        if held.refresh_token is None:
            self.end()
            raise LaunchAgain("the token has ended, and the EHR gave none to renew it with: launch again")
        try:
            return self._take(await self._renewed(held, held.refresh_token))
        except AuthorizationError:
            self.end()
            raise LaunchAgain("the EHR did not renew the session: launch again") from None

    async def _renewed(self, held: Tokens, refresh_token: str) -> Tokens:
        """New tokens. A rotated refresh token replaces the old one; scopes never grow; the patient cannot change.

        An id_token that comes along is not read: who the user is was settled by the launch, and no nonce ties this one to it.
        """
        found = await self._discovery.of(self.issuer)
        fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        new = await requested(self._wire, found.token_endpoint, self.issuer, fields, asked=held.scopes, now=self._clock())
        if new.body.get("patient", self.context.patient) != self.context.patient:
            raise TokenInvalid("the renewed token is for another patient")
        return replace(new, refresh_token=new.refresh_token or refresh_token, scopes=new.scopes.within(held.scopes))

    def _take(self, tokens: Tokens) -> str:
        self._held()
        self._tokens = tokens
        # without a way to get another it is used to its end
        self._due = tokens.due(self._clock()) if tokens.refresh_token else tokens.expires_at
        return f"Bearer {tokens.access_token}"

    def _held(self) -> Tokens:
        if self._over:
            raise LaunchAgain("the session is over: launch again")
        return self._tokens
