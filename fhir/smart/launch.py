"""A launch from its beginning to a session, from the EHR or by ourselves (App Launch 2.2)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from fhir.errors import LaunchInvalid, RegistrationInvalid, TokenInvalid
from fhir.smart.authorize import authorize_url, scopes_for
from fhir.smart.callback import callback
from fhir.smart.clock import Clock
from fhir.smart.context import LaunchContext, launch_context
from fhir.smart.discovery import Discovery, Kind, SmartConfiguration, require_launch
from fhir.smart.idtoken import Expected, User, user
from fhir.smart.issuers import Issuer, Issuers
from fhir.smart.jwks import Keys
from fhir.smart.pending import Pending, PendingLaunches, PendingStore, bound
from fhir.smart.quirks import Quirk
from fhir.smart.scopes import Off, off
from fhir.smart.session import Session
from fhir.smart.style import fetched
from fhir.smart.token import Tokens, requested
from fhir.types import PULLED_TYPES
from fhir.wire.wire import Wire


@dataclass(frozen=True, slots=True)
class Launched:
    """A launch that came to its end: one session of one patient."""

    session: Session
    patient: str
    """Whose chart it is. Every later question is pinned to it, here and not in the browser."""
    off: tuple[Off, ...]
    """What was asked and not granted, to be shown."""

    def __repr__(self) -> str:
        """Without the patient."""
        return f"Launched({self.session!r})"


class Launches:
    """Begins launches and ends them. One object serves every EHR and every browser."""

    def __init__(
        self,
        issuers: Issuers,
        *,
        pending: PendingStore | None = None,
        wire: Wire | None = None,
        clock: Clock = time.time,
        types: Iterable[str] = PULLED_TYPES,
    ) -> None:
        """Nothing is asked yet.

        Args:
            issuers: The EHRs we are registered with.
            pending: Where launches wait for their browser; None: in this process.
            wire: Reaches their origins, and is the caller's to close; None makes one, which `aclose` closes.
            clock: Seconds since 1970.
            types: Resource types that `*` in a scope stands for, to say what is off.
        """
        self._issuers, self._clock, self._types = issuers, clock, tuple(types)
        self._pending: PendingStore = PendingLaunches() if pending is None else pending
        self._wire, self._owns = wire or issuers.wire(), wire is None
        self._discovery, self._keys = Discovery(self._wire, clock), Keys(self._wire, clock)

    async def aclose(self) -> None:
        """Close the wire, if it is our own. Sessions that came of these launches cannot be renewed then."""
        if self._owns:
            await self._wire.aclose()

    async def ehr(self, iss: str, launch: str, binding: str, *, patient: str | None = None) -> str:
        """Begin the launch that an EHR asks for.

        Args:
            iss: As the EHR gave it.
            launch: As the EHR gave it.
            binding: The secret of this browser's session, at least 22 characters, such as a cookie's value.
            patient: Id of the patient it must be, where a session is taken up again.

        Returns:
            The URL to send the browser to.

        Raises:
            IssuerUnknown: the EHR is not configured; it was asked nothing.
            DiscoveryInvalid: its configuration cannot be used, or lacks what we need (CapabilityMissing).
            LaunchInvalid: no browser session, or a launch parameter that is none.
            Unreachable: it did not answer.
        """
        return await self._begin(iss, binding, "ehr", launch, patient)

    async def standalone(self, iss: str, binding: str, *, patient: str | None = None) -> str:
        """Begin a launch by ourselves; the EHR lets the user choose the patient. See `ehr`."""
        return await self._begin(iss, binding, "standalone", None, patient)

    async def _begin(self, iss: str, binding: str, kind: Kind, launch: str | None, patient: str | None) -> str:
        issuer = self._issuers.of(iss)
        if issuer.redirect_uri is None:
            raise RegistrationInvalid("this EHR is configured without a redirect URI, for backend services alone")
        bind = bound(binding)
        found = await self._discovery.of(issuer)
        require_launch(found, issuer, kind)
        asked = scopes_for(issuer.asked, kind)
        pending = Pending(issuer.key, kind, asked, issuer.redirect_uri, self._clock(), bind, patient)
        url = authorize_url(found.authorization_endpoint or "", issuer, pending, iss, launch)
        await self._pending.put(pending)
        return url

    async def callback(self, redirect_uri: str, query: str, binding: str) -> Launched:
        """End a launch with what the browser brought back. Whatever the outcome, its state is used up.

        Args:
            redirect_uri: The URL the browser came to, without the query.
            query: The query.
            binding: The secret of this browser's session.

        Raises:
            LaunchInvalid: not a launch of this browser's, used already, out of time, or answered by another server.
            AuthorizationDenied: the server or the user said no.
            TokenRefused: the token endpoint does not take the code.
            TokenInvalid: what it granted lacks the scope or the patient, or is for another patient.
            IdTokenInvalid: the user cannot be believed.
            KeysUnavailable, Unreachable: the server did not answer.
        """
        came = callback(query)
        pending = await self._pending.take(came.state)
        if pending is None:
            raise LaunchInvalid("no such launch is under way: it was ended already, is out of time, or began elsewhere")
        pending.require_own(binding, self._clock())
        if pending.redirect_uri != redirect_uri:
            raise LaunchInvalid("the answer came to another address than it was sent to")
        issuer = self._issuers.of(pending.issuer)
        found = await self._discovery.of(issuer)
        came.require_from(found.issuer, names_itself=found.names_itself)
        return await self._end(pending, issuer, found, came.require_code())

    async def _end(self, pending: Pending, issuer: Issuer, found: SmartConfiguration, code: str) -> Launched:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.redirect_uri,
            "code_verifier": pending.verifier,
        }
        tokens = await requested(self._wire, found.token_endpoint, issuer, fields, asked=pending.asked, now=self._clock())
        person = await self._user(pending, issuer, found, tokens)
        context = _context(tokens.body, person, issuer)
        patient = _patient(context, person, pending)
        session = Session(issuer, tokens, context, person, wire=self._wire, discovery=self._discovery, clock=self._clock)
        return Launched(session, patient, _off(pending, tokens, person, self._types))

    async def _user(self, pending: Pending, issuer: Issuer, found: SmartConfiguration, tokens: Tokens) -> User | None:
        """None where nobody was asked for: an id_token that comes all the same has no nonce of ours and is not read."""
        if "openid" not in pending.asked or (tokens.id_token is None and "openid" not in tokens.scopes):
            return None
        if tokens.id_token is None:
            raise TokenInvalid("the server granted `openid` and sent no id_token")
        named = issuer.id_token_issuer or found.issuer
        if named is None or found.jwks_uri is None:
            raise TokenInvalid("an id_token came, and the SMART configuration does not say whose it is and by which keys")
        labelled = Quirk.JSON_UNLABELLED not in issuer.quirks
        expected = Expected(named, found.jwks_uri, issuer.client.client_id, pending.nonce, tokens.access_token, labelled)
        return await user(tokens.id_token, expected, self._keys, self._clock())

    async def style(self, session: Session) -> dict[str, str]:
        """The EHR's colours and measures, by the keys of the standard; empty without, or where they are not at its own origins."""
        url = session.context.smart_style_url
        return await fetched(self._wire, url) if url is not None and session.issuer.owns(url) else {}


def _context(body: Mapping[str, object], person: User | None, issuer: Issuer) -> LaunchContext:
    context = launch_context(body)
    if context.patient is None and person is not None and Quirk.PATIENT_IN_ID_TOKEN in issuer.quirks:
        return replace(context, patient=person.patient)
    return context


def _patient(context: LaunchContext, person: User | None, pending: Pending) -> str:
    """The one patient that everything agrees on.

    Raises:
        TokenInvalid: there is none, or two.
    """
    if context.patient is None:
        raise TokenInvalid("the EHR did not say which patient: no chart is shown")
    if person is not None and person.patient not in (None, context.patient):
        raise TokenInvalid("the token and the id_token name different patients: no chart is shown")
    if pending.patient not in (None, context.patient):
        raise TokenInvalid("the launch came back with another patient than it was begun for: no chart is shown")
    return context.patient


def _off(pending: Pending, tokens: Tokens, person: User | None, types: tuple[str, ...]) -> tuple[Off, ...]:
    """By the scopes; and by the user, whom a server may name without granting the scope, or grant and not name."""
    found = off(pending.asked, tokens.scopes, types)
    unknown = Off("knowing who the user is")
    if person is not None and person.fhir_user is not None:
        return tuple(one for one in found if one != unknown)
    return found if unknown in found or "fhirUser" not in pending.asked else (unknown, *found)
