"""What an EHR says of its own authorization: `.well-known/smart-configuration` (App Launch 2.2, conformance)."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fhir.errors import CapabilityMissing, DiscoveryInvalid
from fhir.smart.clock import Clock
from fhir.smart.issuers import Issuer
from fhir.smart.questions import answered, document, json_of
from fhir.smart.quirks import Quirk
from fhir.wire.wire import Wire

LIFETIME = 3600.0
"""Seconds a configuration is believed."""

Kind = Literal["ehr", "standalone"]
_FOR_SCOPE = {
    "openid": "sso-openid-connect",
    "offline_access": "permission-offline",
    "online_access": "permission-online",
}


@dataclass(frozen=True, slots=True)
class SmartConfiguration:
    """The part of a SMART configuration that is used. Every endpoint lies at an origin of the EHR that is configured here."""

    token_endpoint: str
    authorization_endpoint: str | None
    introspection_endpoint: str | None
    jwks_uri: str | None
    issuer: str | None
    capabilities: frozenset[str]
    code_challenge_methods: frozenset[str]
    names_itself: bool
    """Whether its answers carry `iss` (RFC 9207)."""


def configuration(body: Mapping[str, Any], issuer: Issuer) -> SmartConfiguration:
    """Read a SMART configuration.

    Raises:
        DiscoveryInvalid: no token endpoint, an element of another type than it should have, or an endpoint without TLS or at an
            origin that is not registered for this EHR.
    """
    token = _endpoint(body, "token_endpoint", issuer)
    if token is None:
        raise DiscoveryInvalid("the SMART configuration names no token endpoint")
    return SmartConfiguration(
        token_endpoint=token,
        authorization_endpoint=_endpoint(body, "authorization_endpoint", issuer),
        introspection_endpoint=_endpoint(body, "introspection_endpoint", issuer),
        jwks_uri=_endpoint(body, "jwks_uri", issuer),
        issuer=_text(body, "issuer"),
        capabilities=_names(body, "capabilities"),
        code_challenge_methods=_names(body, "code_challenge_methods_supported"),
        names_itself=body.get("authorization_response_iss_parameter_supported") is True,
    )


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or not value.isprintable()):
        raise DiscoveryInvalid(f"`{name}` of the SMART configuration is not a text")
    return value


def _endpoint(body: Mapping[str, Any], name: str, issuer: Issuer) -> str | None:
    url = _text(body, name)
    if url is not None and ("#" in url or not issuer.owns(url)):
        raise DiscoveryInvalid(f"`{name}` of the SMART configuration is not at an origin that is registered for this EHR, or without TLS")
    return url


def _names(body: Mapping[str, Any], name: str) -> frozenset[str]:
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise DiscoveryInvalid(f"`{name}` of the SMART configuration is not a list of names")
    return frozenset(value)


def require_launch(found: SmartConfiguration, issuer: Issuer, kind: Kind) -> None:
    """Check that a server can do the launch that is about to begin.

    Raises:
        DiscoveryInvalid: it has no authorization endpoint, or does not do PKCE by S256.
        CapabilityMissing: it does not list what the launch, our client or our scopes need.
    """
    if found.authorization_endpoint is None:
        raise DiscoveryInvalid("the SMART configuration names no authorization endpoint")
    if "S256" not in found.code_challenge_methods:
        raise DiscoveryInvalid("the server does not do PKCE with S256, which SMART App Launch 2 demands")
    if Quirk.CAPABILITIES_UNLISTED not in issuer.quirks:
        _require(frozenset(_launch_needs(issuer, kind)), found)


def require_backend(found: SmartConfiguration, issuer: Issuer) -> None:
    """Check that a server can do backend services with us.

    Raises:
        CapabilityMissing: it does not list asymmetric clients or the version of scopes that we use.
    """
    if Quirk.CAPABILITIES_UNLISTED not in issuer.quirks:
        _require(frozenset({issuer.client.capability, _permission(issuer)}), found)


def _launch_needs(issuer: Issuer, kind: Kind) -> list[str]:
    needs = [f"launch-{kind}", issuer.client.capability, _permission(issuer)]
    if any(scope.context == "patient" for scope in issuer.asked.clinical):
        needs += [f"context-{kind}-patient", "permission-patient"]
    if any(scope.context == "user" for scope in issuer.asked.clinical):
        needs.append("permission-user")
    return needs + [_FOR_SCOPE[name] for name in issuer.asked.others if name in _FOR_SCOPE]


def _permission(issuer: Issuer) -> str:
    return "permission-v1" if Quirk.SCOPES_V1 in issuer.quirks else "permission-v2"


def _require(needed: frozenset[str], found: SmartConfiguration) -> None:
    missing = tuple(sorted(needed - found.capabilities))
    if missing:
        raise CapabilityMissing("the server does not list what is needed: " + ", ".join(missing), missing=missing)


class Discovery:
    """Configurations by EHR, each asked for once and believed for a while. A failure is not remembered."""

    def __init__(self, wire: Wire, clock: Clock = time.time) -> None:
        """Nothing is asked yet."""
        self._wire, self._clock = wire, clock
        self._known: dict[str, tuple[float, SmartConfiguration]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, issuer: Issuer) -> SmartConfiguration:
        """The configuration of an EHR. Nothing is taken from anywhere else, such as its CapabilityStatement.

        Raises:
            DiscoveryInvalid: there is none, or it cannot be used.
            Unreachable: the server did not answer.
        """
        async with self._locks[issuer.key]:
            known = self._known.get(issuer.key)
            if known is None or not 0 <= self._clock() - known[0] < LIFETIME:
                known = self._clock(), await self._asked(issuer)
                self._known[issuer.key] = known
            return known[1]

    async def _asked(self, issuer: Issuer) -> SmartConfiguration:
        url = f"{issuer.key}/.well-known/smart-configuration"
        answer = await answered(self._wire, document(url), DiscoveryInvalid)
        if answer.status != 200:
            raise DiscoveryInvalid(f"the server has no SMART configuration (HTTP {answer.status})")
        labelled = Quirk.JSON_UNLABELLED not in issuer.quirks
        return configuration(json_of(answer, DiscoveryInvalid, labelled=labelled), issuer)
