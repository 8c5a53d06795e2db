"""The ASGI application of a pretend hospital."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import URLPath
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.ehr.auth.pages import page_routes
from sandbox.ehr.auth.routes import auth_routes
from sandbox.ehr.bulk import bulk_routes
from sandbox.ehr.cors import CrossOrigin
from sandbox.ehr.dicomweb.routes import dicomweb_routes
from sandbox.ehr.faults import FaultMiddleware
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.outcome import Refusal, refused
from sandbox.ehr.rest import rest_routes

PREFIXES = frozenset(("fhir", "auth", "dicomweb"))
"""The first segments of every path that is the hospital's."""


def hospital_app(hospital: Hospital) -> Starlette:
    """The application of a hospital: FHIR, authorization server and image server, each under its own prefix."""
    app = Starlette(
        routes=[
            *auth_routes(hospital.auth),
            *page_routes(hospital),
            *dicomweb_routes(hospital),
            *bulk_routes(hospital),
            *rest_routes(hospital),
        ],
        middleware=[
            Middleware(CrossOrigin, origins=hospital.config.cors_origins),
            Middleware(FaultMiddleware, faults=hospital.faults),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _broken},
    )
    app.router.redirect_slashes = False
    return app


def hospital_routes(hospital: Hospital) -> list[BaseRoute]:
    """The hospital as routes of a larger application: it takes what stands under its prefixes, and nothing else of the origin."""
    return [_Under(hospital_app(hospital))]


class _Under(BaseRoute):
    """Hands a request over as it came, so that the application sees its own full paths."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        first = scope.get("path", "/").split("/")[1:2]
        return (Match.FULL if scope["type"] == "http" and first and first[0] in PREFIXES else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


async def _http_error(request: Request, error: Exception) -> Response:
    """404 and 405 of the router, as an OperationOutcome."""
    if not isinstance(error, HTTPException):
        raise error
    return refused(Refusal(error.status_code, "the server has no such interaction", error.headers))


async def _broken(request: Request, error: Exception) -> Response:
    return refused(Refusal(500, "the server failed"))
