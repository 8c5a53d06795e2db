"""The authorization endpoint's checks (SMART App Launch 2.2.0, obtain-authorization-code; RFC 6749, 4.1.1; RFC 7636, 4.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse

from sandbox.ehr.auth.clients import Client
from sandbox.ehr.auth.grants import AuthorizationRequest, Context, Launch
from sandbox.ehr.auth.launches import Launches
from sandbox.ehr.auth.refusal import NO_STORE, OAuthRefusal
from sandbox.ehr.auth.scopes import granted

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def known_client(client: Client | None, given: Mapping[str, str]) -> Client:
    """The client of a request, once its redirect URI is known to be registered: before that nothing may be sent there.

    Raises:
        OAuthRefusal: an unknown client, or a URI that is not, letter for letter, a registered one.
    """
    if client is None:
        raise OAuthRefusal("invalid_request", "the client is unknown")
    if given.get("redirect_uri") not in client.redirect_uris:
        raise OAuthRefusal("invalid_request", "redirect_uri is not registered for this client")
    return client


def check_request(client: Client, given: Mapping[str, str], base: str, launches: Launches) -> AuthorizationRequest:
    """Check a request whose client and redirect URI are known.

    Raises:
        OAuthRefusal: to be told to the app by a redirect.
    """
    if given.get("response_type") != "code":
        raise OAuthRefusal("unsupported_response_type", "response_type must be code")
    if "state" not in given:
        raise OAuthRefusal("invalid_request", "state is missing")
    if given.get("aud") != base:
        raise OAuthRefusal("invalid_request", "aud must be the FHIR base URL")
    if given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(given.get("code_challenge", "")):
        raise OAuthRefusal("invalid_request", "PKCE with S256 is required")
    return _with_context(client, given, launches)


def _with_context(client: Client, given: Mapping[str, str], launches: Launches) -> AuthorizationRequest:
    scopes = granted(given.get("scope", ""), client.scopes)
    if not scopes:
        raise OAuthRefusal("invalid_scope", "none of the asked scopes can be granted")
    launched = "launch" in given
    if launched and "launch" not in scopes and "launch" in given.get("scope", "").split():
        raise OAuthRefusal("invalid_scope", "the client may not be launched from the EHR")
    if launched != ("launch" in given.get("scope", "").split()):
        raise OAuthRefusal("invalid_request", "the parameter launch and the scope launch go together")
    launch = launches.use(given["launch"]) if launched else Launch()
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=given["redirect_uri"],
        state=given["state"],
        code_challenge=given["code_challenge"],
        scopes=scopes,
        context=launch.context,
        launched=launched,
        nonce=given.get("nonce"),
        user=launch.user,
    )


def back_to_app(redirect_uri: str, answer: Mapping[str, str]) -> RedirectResponse:
    """The redirect that carries an answer to the app."""
    mark = "&" if urlsplit(redirect_uri).query else "?"
    return RedirectResponse(f"{redirect_uri}{mark}{urlencode(answer)}", 302, NO_STORE)


def bounded(scopes: tuple[str, ...], context: Context) -> tuple[str, ...]:
    """The scopes that mean something in a context: `patient/` ones and the context scopes only with what they stand for."""
    without_patient = context.patient is None
    without_encounter = context.encounter is None
    return tuple(
        scope
        for scope in scopes
        if not (without_patient and (scope.startswith("patient/") or scope == "launch/patient"))
        and not (without_encounter and scope == "launch/encounter")
    )
