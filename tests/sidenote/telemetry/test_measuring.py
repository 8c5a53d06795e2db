"""The middleware counts by template and hands on what comes when it comes."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.responses import StreamingResponse

from sidenote.telemetry.logs import installed
from sidenote.telemetry.measuring import Measured
from sidenote.telemetry.metrics import Metrics

TEMPLATE = "/api/reviews/{review_id}"


def application() -> tuple[FastAPI, Metrics, asyncio.Event]:
    """One route that answers, one that fails and one that streams until it is let go."""
    metrics, router, go = Metrics(), APIRouter(prefix="/api"), asyncio.Event()

    @router.get("/reviews/{review_id}")
    async def review(review_id: str) -> str:
        return review_id

    @router.get("/broken")
    async def broken() -> None:
        raise ValueError("CANARY")

    @router.get("/events")
    async def events() -> StreamingResponse:
        async def told() -> Any:
            yield b"event: a\n\n"
            await go.wait()
            yield b"event: b\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    app = FastAPI(middleware=[Middleware(Measured, metrics=metrics)])
    app.include_router(router)
    metrics.serves({TEMPLATE, "/api/broken", "/api/events"})
    return app, metrics, go


async def asked(app: FastAPI, path: str, method: str = "GET", sent: list[Any] | None = None) -> list[Any]:
    """Messages of one request, by hand: nothing stands between."""
    messages: list[Any] = [] if sent is None else sent
    path_only, _, query = path.partition("?")
    scope = {
        **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path_only, "root_path": ""},
        **{"raw_path": path_only.encode(), "query_string": query.encode(), "headers": [], "client": ("127.0.0.1", 1), "scheme": "http"},
        "server": ("127.0.0.1", 2),
    }
    waits: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    received = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return received.pop() if received else await waits

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    return messages


@pytest.mark.fault(110)
@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/api/reviews/CANARY?token=CANARY", TEMPLATE, 200),
        ("/api/nothing/CANARY", "other", 404),
        ("/CANARY", "other", 404),
    ],
)
def test_an_answer_is_counted_and_logged_by_its_template(path: str, route: str, status: int) -> None:
    app, metrics, _ = application()
    stream = io.StringIO()
    with installed(stream):
        asyncio.run(asked(app, path))
    text = metrics.text().decode()
    assert f'sidenote_requests_total{{method="GET",route="{route}",status="{status}"}} 1.0' in text
    line = json.loads(stream.getvalue())
    assert (line["event"], line.get("route", "other"), line["status"], line["method"]) == ("answered", route, status, "GET")
    assert "CANARY" not in text + stream.getvalue()


@pytest.mark.fault(110)
def test_a_defect_is_counted_as_500_and_goes_on() -> None:
    app, metrics, _ = application()
    with pytest.raises(ValueError, match="CANARY"):
        asyncio.run(asked(app, "/api/broken"))
    assert 'status="500"} 1.0' in metrics.text().decode()
    assert "CANARY" not in metrics.text().decode()


def test_a_stream_is_not_held_back_and_is_counted_when_it_begins() -> None:
    app, metrics, go = application()

    async def run() -> None:
        messages: list[Any] = []
        task = asyncio.create_task(asked(app, "/api/events", sent=messages))
        async with asyncio.timeout(60):
            while not any(b"event: a" in message.get("body", b"") for message in messages):
                await asyncio.sleep(0.001)
        assert 'route="/api/events",status="200"} 1.0' in metrics.text().decode()
        assert not any(b"event: b" in message.get("body", b"") for message in messages)
        go.set()
        await task
        assert any(b"event: b" in message.get("body", b"") for message in messages)

    asyncio.run(run())


def test_what_is_not_http_passes_by() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    nothing: Any = None
    metrics = Metrics()
    asyncio.run(Measured(app, metrics)({"type": "lifespan"}, nothing, nothing))
    assert seen == ["lifespan"]
    assert "requests_total{" not in metrics.text().decode()
