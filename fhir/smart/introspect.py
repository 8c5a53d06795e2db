"""Whether a token is still good, by the server's own word (RFC 7662; App Launch 2.2, token introspection)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fhir.errors import CapabilityMissing, TokenInvalid, TokenRefused
from fhir.smart.clients import PublicClient
from fhir.smart.context import launch_context
from fhir.smart.discovery import SmartConfiguration
from fhir.smart.issuers import Issuer
from fhir.smart.questions import answered, form, json_of
from fhir.smart.scopes import Scopes
from fhir.smart.token import scopes_in
from fhir.wire.wire import Wire


@dataclass(frozen=True, slots=True)
class Introspection:
    """What the server says of a token. Of one that is not active it says nothing else."""

    active: bool
    scopes: Scopes = Scopes((), frozenset())  # noqa: RUF009 - frozen
    client_id: str | None = None
    expires_at: float | None = None
    patient: str | None = field(default=None, repr=False)
    encounter: str | None = field(default=None, repr=False)
    fhir_user: str | None = field(default=None, repr=False)
    issuer: str | None = None
    sub: str | None = field(default=None, repr=False)


async def introspected(wire: Wire, found: SmartConfiguration, issuer: Issuer, access_token: str, now: float) -> Introspection:
    """Ask about an access token. A confidential client proves itself as at the token endpoint; a public one shows the token.

    Raises:
        CapabilityMissing: the server has no introspection endpoint.
        TokenRefused: it does not answer us.
        TokenInvalid: its answer lacks what that of an active token must hold, or speaks of another client's token.
        Unreachable: there is none.
    """
    if found.introspection_endpoint is None:
        raise CapabilityMissing("the server has no introspection endpoint", missing=("introspection_endpoint",))
    proof = issuer.client.prove(found.token_endpoint, now, issuer.quirks)
    headers = {**proof.headers, "Authorization": f"Bearer {access_token}"} if isinstance(issuer.client, PublicClient) else proof.headers
    fields = {"token": access_token, "token_type_hint": "access_token", **proof.fields}
    answer = await answered(wire, form(found.introspection_endpoint, fields, headers), TokenInvalid)
    if answer.status != 200:
        raise TokenRefused("the introspection endpoint refused")
    return introspection(json_of(answer, TokenInvalid), issuer.client.client_id)


def introspection(body: Mapping[str, Any], client_id: str) -> Introspection:
    """Read an introspection response. `client_id` is ours.

    Raises:
        TokenInvalid: `active` is no boolean; of an active token, `scope`, `client_id` or `exp` is missing or odd, or it is another's.
    """
    active = body.get("active")
    if not isinstance(active, bool):
        raise TokenInvalid("the introspection response does not say whether the token is active")
    if not active:
        return Introspection(active=False)
    if body.get("client_id") != client_id:
        raise TokenInvalid("the introspection response speaks of another client's token")
    context = launch_context(body)
    return Introspection(
        True,
        scopes_in(body.get("scope"), "introspection response"),
        client_id,
        _end(body.get("exp")),
        context.patient,
        context.encounter,
        _text(body, "fhirUser"),
        _text(body, "iss"),
        _text(body, "sub"),
    )


def _end(value: object) -> float:
    if not isinstance(value, int | Decimal) or isinstance(value, bool) or not 0 < value < 10**11:
        raise TokenInvalid("the introspection response does not say when the token ends")
    return float(value)


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise TokenInvalid(f"`{name}` of the introspection response is not a text")
    return value
