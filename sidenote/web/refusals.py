"""Who was refused what, for the audit: 401, 403 and 404 of the API."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Match

from sidenote.audit.events import denied
from sidenote.web.errors import WebError

TOLD = frozenset({401, 403, 404})


async def refusal_told(request: Request, error: Exception, status: int) -> None:
    """Append the refusal of a request by its route's template, never by its path.

    Raises:
        sidenote.audit.errors.AuditDown: it cannot be kept now.
    """
    if status not in TOLD or not isinstance(error, WebError) or not (route := _template(request)).startswith("/api/"):
        return
    session = getattr(request.state, "session", None)
    await request.app.state.parts.audit.append(denied(None if session is None else session.who, route, error.code))


def _template(request: Request) -> str:
    """The path of the route that was asked for, looked up where it was refused before any route; empty where there is none."""
    found = request.scope.get("route")
    if found is None:
        routes = (one for router in request.app.state.routers for one in router.routes)
        found = next((one for one in routes if one.matches(request.scope)[0] is Match.FULL), None)
    return str(getattr(found, "path", ""))
