"""Client authentication by a signed assertion, private_key_jwt (SMART App Launch 2.2.0, client-confidential-asymmetric; RFC 7523)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

from sandbox.ehr.auth.clients import Client
from sandbox.ehr.auth.refusal import OAuthRefusal

ALGORITHMS = ("RS384", "ES384")
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST = 300
"""Seconds into the future an assertion may expire."""
_HEADER = frozenset(("alg", "kid", "typ", "jku"))


def issuer_of(assertion: str) -> str:
    """The client an assertion says it is of; nothing is believed yet.

    Raises:
        OAuthRefusal: invalid_client, when it is no JWT with an issuer.
    """
    try:
        claims = json.loads(jws.extract_compact(assertion.encode()).payload or b"")
    except (JoseError, ValueError) as error:
        raise _refused("the assertion is no JWT") from error
    if not isinstance(claims, dict) or not isinstance(claims.get("iss"), str):
        raise _refused("the assertion has no iss")
    return str(claims["iss"])


def verify_assertion(assertion: str, client: Client, audiences: tuple[str, ...], now: float) -> tuple[str, float]:
    """Check an assertion of `client` for one of `audiences`; its `jti` and `exp`, for the caller to refuse a second use.

    Raises:
        OAuthRefusal: invalid_client, for whatever is wrong.
    """
    try:
        header = jws.extract_compact(assertion.encode()).headers()
        key = _key(client, _checked(header, client))
        claims = jwt.decode(assertion, key, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError) as error:
        raise _refused("the assertion is not signed by a registered key") from error
    _check_claims(claims, client, audiences, now)
    return claims["jti"], claims["exp"]


def _checked(header: Mapping[str, Any], client: Client) -> Mapping[str, Any]:
    if header.get("alg") not in ALGORITHMS or header.get("typ") != "JWT" or not header.keys() <= _HEADER:
        raise _refused("the assertion's header must have alg RS384 or ES384 and typ JWT")
    if "jku" in header and header["jku"] != client.jku:
        raise _refused("the assertion names another place for its keys than the registered one")
    return header


def _key(client: Client, header: Mapping[str, Any]) -> RSAKey | ECKey:
    """The one registered public key that the header names; a key of another type than the algorithm's fails at the signature."""
    named = [each for each in (client.jwks or {}).get("keys", ()) if each.get("kid") == header.get("kid")]
    if len(named) != 1 or header.get("kid") is None:
        raise _refused("the assertion's kid names no registered key")
    key = import_key(named[0])
    if not isinstance(key, RSAKey | ECKey):
        raise _refused("the assertion's kid names no registered key")
    return key


def _check_claims(claims: Mapping[str, Any], client: Client, audiences: tuple[str, ...], now: float) -> None:
    aud = claims.get("aud")
    if not claims.get("iss") == claims.get("sub") == client.client_id:
        raise _refused("iss and sub must both be the client_id")
    if not set([aud] if isinstance(aud, str) else aud or ()) & set(audiences):
        raise _refused("aud must be the token endpoint")
    if not _is_time(claims.get("exp")) or not now < claims["exp"] <= now + _LONGEST:
        raise _refused("exp must lie in the next five minutes")
    if any(name in claims and (not _is_time(claims[name]) or claims[name] > now + 5) for name in ("iat", "nbf")):
        raise _refused("the assertion is not valid yet")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise _refused("jti is missing")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refused(reason: str) -> OAuthRefusal:
    return OAuthRefusal("invalid_client", reason, 401)
