"""The token endpoint's three grants (RFC 6749, 4.1.3, 4.4, 6; RFC 7636, 4.6; SMART App Launch 2.2.0, backend-services)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping

from sandbox.ehr.auth.clients import Client
from sandbox.ehr.auth.grants import Grant
from sandbox.ehr.auth.launches import Codes
from sandbox.ehr.auth.refusal import OAuthRefusal
from sandbox.ehr.auth.scopes import granted, resource_scope, within
from sandbox.ehr.auth.tokens import Issued, TokenBook

_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_BACKEND_SECONDS = 300
_LASTING = frozenset(("online_access", "offline_access"))


def for_code(client: Client, form: Mapping[str, str], codes: Codes, tokens: TokenBook, seconds: int) -> tuple[Issued, str | None]:
    """Exchange a code for an access token, and for a refresh token where `online_access` or `offline_access` was granted.

    Raises:
        OAuthRefusal: invalid_request, invalid_grant.
    """
    for name in ("code", "redirect_uri", "code_verifier"):
        if name not in form:
            raise OAuthRefusal("invalid_request", f"{name} is missing")
    code = codes.use(form["code"], tokens.revoke)
    if code.grant.client_id != client.client_id or code.redirect_uri != form["redirect_uri"]:
        raise OAuthRefusal("invalid_grant", "the code was given to another client or redirect_uri")
    if not _proves(form["code_verifier"], code.code_challenge):
        raise OAuthRefusal("invalid_grant", "code_verifier does not fit the code_challenge")
    issued = tokens.issue(code.grant, code.grant.scopes, seconds, code.family)
    lasting = not _LASTING.isdisjoint(code.grant.scopes)
    return issued, tokens.refresh_token(code.grant, code.family) if lasting else None


def _proves(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    computed = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(computed, challenge)


def for_refresh_token(client: Client, form: Mapping[str, str], tokens: TokenBook, seconds: int) -> tuple[Issued, str]:
    """A new access token, with narrower scopes if asked, and the refresh token that replaces the old one.

    Raises:
        OAuthRefusal: invalid_request, invalid_grant, invalid_scope.
    """
    if "refresh_token" not in form:
        raise OAuthRefusal("invalid_request", "refresh_token is missing")
    held = tokens.peek(form["refresh_token"], client.client_id)
    asked = form.get("scope")
    if held is not None and asked is not None and not within(asked, held.scopes):
        raise OAuthRefusal("invalid_scope", "a refresh cannot ask for more than was granted")
    grant, family = tokens.spend(form["refresh_token"], client.client_id)
    scopes = tuple(dict.fromkeys(asked.split())) if asked is not None else grant.scopes
    return tokens.issue(grant, scopes, seconds, family), tokens.refresh_token(grant, family)


def for_backend_service(client: Client, form: Mapping[str, str], tokens: TokenBook) -> Issued:
    """A token for the client itself: `system/` scopes only, five minutes, no refresh token.

    Raises:
        OAuthRefusal: unauthorized_client for a client without keys of its own; invalid_scope.
    """
    if client.kind != "confidential-asymmetric":
        raise OAuthRefusal("unauthorized_client", "a backend service authenticates by private_key_jwt")
    asked = form.get("scope", "")
    wanted = [resource_scope(text) for text in asked.split()]
    if not wanted or any(scope is None or scope.context != "system" for scope in wanted):
        raise OAuthRefusal("invalid_scope", "a backend service asks for system/ scopes only")
    scopes = granted(asked, client.scopes, frozenset(("system",)))
    if not scopes:
        raise OAuthRefusal("invalid_scope", "none of the asked scopes can be granted")
    return tokens.issue(Grant(client.client_id, scopes), scopes, _BACKEND_SECONDS)
