"""The ASGI application of a pretend hospital."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from sandbox.ehr.auth.routes import auth_routes
from sandbox.ehr.bulk import bulk_routes
from sandbox.ehr.faults import FaultMiddleware
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.outcome import Refusal, refused
from sandbox.ehr.rest import rest_routes


def hospital_app(hospital: Hospital) -> Starlette:
    """The application of a hospital."""
    app = Starlette(
        routes=[*auth_routes(hospital.auth), *bulk_routes(hospital), *rest_routes(hospital)],
        middleware=[Middleware(FaultMiddleware, faults=hospital.faults)],
        exception_handlers={HTTPException: _http_error, Exception: _broken},
    )
    app.router.redirect_slashes = False
    return app


async def _http_error(request: Request, error: Exception) -> Response:
    """404 and 405 of the router, as an OperationOutcome."""
    if not isinstance(error, HTTPException):
        raise error
    return refused(Refusal(error.status_code, "the server has no such interaction", error.headers))


async def _broken(request: Request, error: Exception) -> Response:
    return refused(Refusal(500, "the server failed"))
