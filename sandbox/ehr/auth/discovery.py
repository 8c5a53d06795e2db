"""`.well-known/smart-configuration`: what this authorization server really does (SMART App Launch 2.2.0, conformance)."""

from __future__ import annotations

from typing import Any

from sandbox.ehr.auth.assertion import ALGORITHMS
from sandbox.ehr.auth.scopes import PLAIN

_CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-ehr-patient",
    "context-ehr-encounter",
    "context-standalone-patient",
    "context-standalone-encounter",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)


def smart_configuration(base: str, auth: str, *, styles: bool = True) -> dict[str, Any]:
    """The document for a FHIR base whose authorization server is at `auth`; `styles`: whether token answers name a style sheet."""
    return {
        "issuer": base,
        "jwks_uri": f"{auth}/jwks",
        "authorization_endpoint": f"{auth}/authorize",
        "token_endpoint": f"{auth}/token",
        "introspection_endpoint": f"{auth}/introspect",
        "revocation_endpoint": f"{auth}/revoke",
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types_supported": ["code"],
        "scopes_supported": [*sorted(PLAIN), "patient/*.cruds", "user/*.cruds", "system/*.cruds"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "capabilities": [*_CAPABILITIES, *(["context-style"] if styles else [])],
    }
