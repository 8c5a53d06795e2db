"""What the token endpoint answers: the token, its context, and who logged in (SMART App Launch 2.2.0; OpenID Connect Core, 2)."""

from __future__ import annotations

from typing import Any

from joserfc import jwt

from sandbox.ehr.auth.grants import Grant
from sandbox.ehr.auth.keys import SigningKeys
from sandbox.ehr.auth.tokens import Issued

_ID_TOKEN_SECONDS = 3600


def token_answer(issued: Issued, refresh_token: str | None, style_url: str | None) -> dict[str, Any]:
    """The answer without an id_token; `scope` says what was granted, which may be less than was asked."""
    body: dict[str, Any] = {
        "access_token": issued.token,
        "token_type": "Bearer",
        "expires_in": issued.expires_at - issued.issued_at,
        "scope": " ".join(issued.scopes),
        **launch_context(issued.grant),
    }
    if style_url is not None and issued.grant.user is not None:
        body["smart_style_url"] = style_url
    return body | ({"refresh_token": refresh_token} if refresh_token is not None else {})


def launch_context(grant: Grant) -> dict[str, Any]:
    """The context parameters that are there."""
    context = grant.context
    given = {
        "patient": context.patient,
        "encounter": context.encounter,
        "fhirContext": [dict(each) for each in context.fhir_context] or None,
        "need_patient_banner": context.need_patient_banner,
        "intent": context.intent,
        "tenant": context.tenant,
        "smart_web_messaging_origin": context.messaging.origin if context.messaging else None,
        "smart_web_messaging_handle": context.messaging.handle if context.messaging else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def id_token(grant: Grant, keys: SigningKeys, base: str, now: float) -> str | None:
    """The signed id_token; None where `openid` was not granted or nobody logged in."""
    if grant.user is None or "openid" not in grant.scopes:
        return None
    begun = int(now)
    claims: dict[str, Any] = {
        "iss": base,
        "sub": grant.user.sub,
        "aud": grant.client_id,
        "iat": begun,
        "exp": begun + _ID_TOKEN_SECONDS,
    }
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    if "fhirUser" in grant.scopes:
        claims["fhirUser"] = f"{base}/{grant.user.fhir_user}"
    key = keys.current
    return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)


def introspection(issued: Issued, base: str) -> dict[str, Any]:
    """What a live token says of itself (RFC 7662, 2.2; SMART App Launch 2.2.0, token-introspection)."""
    grant = issued.grant
    body: dict[str, Any] = {
        "active": True,
        "token_type": "Bearer",
        "scope": " ".join(issued.scopes),
        "client_id": grant.client_id,
        "iat": issued.issued_at,
        "exp": issued.expires_at,
        **launch_context(grant),
    }
    if grant.user is not None and "fhirUser" in issued.scopes:
        body["fhirUser"] = f"{base}/{grant.user.fhir_user}"
    if grant.user is not None and "openid" in issued.scopes:
        body |= {"iss": base, "sub": grant.user.sub}
    return body
