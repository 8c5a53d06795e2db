"""Whether the process is alive, whether it can work, and what it counted. Nothing here needs a handle, and nothing names anybody."""

from __future__ import annotations

import ipaddress
from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from policies.evidence import Frozen
from sidenote.web.bearer import PartsOf
from sidenote.web.errors import NotFound
from sidenote.web.readiness import OK, Readiness

router = APIRouter(tags=["health"])
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


class Alive(Frozen):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(Frozen):
    """Whether it can work, and each check with `ok` or a code."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, str]


@router.get("/health")
async def health() -> Alive:
    """Alive. Whoever gets no answer may start the process again."""
    return Alive()


@router.get("/ready", responses={503: {"model": Ready, "description": "Reviews would be refused now."}})
async def ready(request: Request) -> Response:
    """Whether reviews can be made now. Whoever gets 503 sends nobody here until it is 200 again."""
    readiness: Readiness = request.app.state.readiness
    checks = dict(await readiness.checks())
    whole = all(found == OK for found in checks.values())
    told = Ready(status="ready" if whole else "not_ready", checks=checks)
    return JSONResponse(told.model_dump(), 200 if whole else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request, parts: PartsOf) -> Response:
    """Counts in Prometheus's text format, for this machine alone: not there for anybody else, nor through a proxy that names itself.

    Raises:
        NotFound: it was asked from elsewhere.
    """
    if not _from_this_machine(request):
        raise NotFound
    return Response(parts.metrics.text(), media_type=PROMETHEUS)


def _from_this_machine(request: Request) -> bool:
    try:
        near = request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # a Unix socket has no address
        return False
    return near and not any(name in request.headers for name in _FORWARDED)
