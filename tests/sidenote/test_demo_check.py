"""The demo's check of itself notices what is not as a browser needs it. That it succeeds: commands/test_demo.py."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from sidenote import demo_check
from sidenote.errors import DemoBroken

PAGE = '<meta name="csrf-token" content="t"><input name="user" value="u">'


def hospital_without(missing: str) -> Starlette:
    """A hospital as far as the check looks at one, but for one answer."""

    async def page(request: Request) -> Response:
        return Response(status_code=500) if request.url.path == missing else HTMLResponse("nothing" if missing == "token" else PAGE)

    async def launch(request: Request) -> Response:
        return Response(status_code=403) if missing == "launch" else JSONResponse({"url": "http://test/sidenote/launch?iss=i&launch=l"})

    async def signed_in(request: Request) -> Response:
        return Response(status_code=303)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/chart/_/sign-in", signed_in, methods=["POST"]),
            Route("/chart/{patient}", page),
            Route("/chart/{patient}/launch", launch, methods=["POST"]),
        ]
    )


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("/", "the entrance was answered with 500"),
        ("/chart/p", "the chart was answered with 500"),
        ("token", "carries no token"),
        ("launch", "the launch was answered with 403"),
        ("sidebar", "the sidebar's page was answered with 404"),
    ],
)
def test_a_step_that_fails_is_named(missing: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app, client = hospital_without(missing), httpx.AsyncClient
    monkeypatch.setattr(httpx, "AsyncClient", lambda **how: client(transport=httpx.ASGITransport(app), **how))
    with pytest.raises(DemoBroken, match=said):
        asyncio.run(demo_check.journey("http://test", "p"))
