"""The authorization server over HTTP."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sandbox.ehr.auth.authorize import back_to_app, check_request, known_client
from sandbox.ehr.auth.discovery import smart_configuration
from sandbox.ehr.auth.grants import Approval
from sandbox.ehr.auth.refusal import NO_STORE, OAuthRefusal, oauth_error, single_values
from sandbox.ehr.auth.server import AuthorizationServer
from sandbox.ehr.negotiation import read_form
from sandbox.ehr.outcome import Refusal

_STYLE = {"color_background": "#ffffff", "color_error": "#9e2d2d", "color_highlight": "#69b5ce", "dim_font_size": "14px"}
_CACHEABLE = {"Cache-Control": "public, max-age=3600"}


def auth_routes(server: AuthorizationServer) -> list[BaseRoute]:
    """Discovery under the FHIR base, the endpoints under `/auth`."""
    endpoints = Endpoints(server)
    return [
        Route("/fhir/.well-known/smart-configuration", endpoints.discovery, methods=["GET"]),
        Route("/auth/authorize", endpoints.authorize, methods=["GET", "POST"]),
        Route("/auth/token", endpoints.token, methods=["POST"]),
        Route("/auth/introspect", endpoints.introspect, methods=["POST"]),
        Route("/auth/revoke", endpoints.revoke, methods=["POST"]),
        Route("/auth/jwks", endpoints.jwks, methods=["GET"]),
        Route("/auth/smart-style.json", endpoints.style, methods=["GET"]),
    ]


class Endpoints:
    """Parse a request, ask the server, render the answer."""

    def __init__(self, server: AuthorizationServer) -> None:
        """Speak for `server`."""
        self.server = server

    async def discovery(self, request: Request) -> Response:
        """The SMART configuration; nobody needs a token for it."""
        document = smart_configuration(self.server.base, self.server.url, styles=self.server.config.smart_style_url)
        return JSONResponse(document, headers=_CACHEABLE)

    async def jwks(self, request: Request) -> Response:
        """The public keys that verify id_tokens."""
        return JSONResponse(self.server.keys.jwks(), headers=_CACHEABLE)

    async def style(self, request: Request) -> Response:
        """Colours for an app that wants to fit in (`smart_style_url`)."""
        return JSONResponse(_STYLE, headers=_CACHEABLE)

    async def authorize(self, request: Request) -> Response:
        """Send the browser back with a code or an error, or show the page that asks a person.

        As long as client and redirect URI are not known to belong together, an error stays here as a page.
        """
        try:
            given = single_values(await _parameters(request))
            client = known_client(self.server.clients.get(given.get("client_id")), given)
        except OAuthRefusal as refusal:
            return PlainTextResponse(f"{refusal.error}: {refusal.description}", 400, NO_STORE)
        try:
            asked = check_request(client, given, self.server.base, self.server.launches)
        except OAuthRefusal as refusal:
            state = {"state": given["state"]} if "state" in given else {}
            return back_to_app(given["redirect_uri"], {"error": refusal.error, "error_description": refusal.description, **state})
        decided = await self.server.decide(request, asked)
        return self.server.complete(asked, decided) if isinstance(decided, Approval) else decided

    async def token(self, request: Request) -> Response:
        """Exchange a code, a refresh token or an assertion for an access token."""
        try:
            form = single_values(await _form(request))
            return JSONResponse(self.server.exchange(form, request.headers.get("authorization")), headers=NO_STORE)
        except OAuthRefusal as refusal:
            return oauth_error(refusal)

    async def introspect(self, request: Request) -> Response:
        """Tell an authenticated client what a token is worth."""
        try:
            form = single_values(await _form(request))
            return JSONResponse(self.server.introspect(form, request.headers.get("authorization")), headers=NO_STORE)
        except OAuthRefusal as refusal:
            return oauth_error(refusal)

    async def revoke(self, request: Request) -> Response:
        """Revoke a token: 200 and nothing more (RFC 7009, 2.2)."""
        try:
            form = single_values(await _form(request))
            self.server.revoke(form, request.headers.get("authorization"))
            return Response(headers=NO_STORE)
        except OAuthRefusal as refusal:
            return oauth_error(refusal)


async def _parameters(request: Request) -> list[tuple[str, str]]:
    return await _form(request) if request.method == "POST" else request.query_params.multi_items()


async def _form(request: Request) -> list[tuple[str, str]]:
    try:
        return await read_form(request)
    except Refusal as refusal:
        raise OAuthRefusal("invalid_request", refusal.reason) from refusal
