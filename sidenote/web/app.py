"""The ASGI application of the web door: the table of its routes, and what stands around all of them."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from sidenote import __version__
from sidenote.telemetry.measuring import Measured
from sidenote.web import cards, deciding, health, images, launching, pages, reviewing
from sidenote.web.guard import Guard
from sidenote.web.headers import SecurityHeaders
from sidenote.web.parts import WebParts
from sidenote.web.problems import RESPONSES, Problems, refused
from sidenote.web.readiness import Readiness
from sidenote.web.shell import Shell

ROUTERS: tuple[APIRouter, ...] = (
    pages.router,
    health.router,
    launching.router,
    reviewing.router,
    images.router,
    deciding.router,
    cards.router,
)
"""Every route of the door."""


def create_app(parts: WebParts) -> FastAPI:
    """The application. It answers under the path of `parts.public_url`, or mounted there by a server of several."""
    app = FastAPI(
        title="Sidenote",
        version=__version__,
        summary="Clinical decision support beside the chart. Research software, not a medical device.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=RESPONSES,
        middleware=[
            Middleware(Measured, metrics=parts.metrics),
            Middleware(SecurityHeaders),
            Middleware(Problems),
            Middleware(Guard, public_url=parts.public_url),
        ],
        exception_handlers={HTTPException: refused, RequestValidationError: refused},
    )
    app.state.parts, app.state.shell, app.state.routers = parts, Shell(), ROUTERS
    app.state.readiness = Readiness(parts.audit, parts.settings.records_folder)
    for router in ROUTERS:
        app.include_router(router)
    routes = [*app.routes, *(route for router in ROUTERS for route in router.routes)]
    parts.metrics.serves({str(getattr(route, "path", "")) for route in routes} - {""})
    return app
