"""ASGI middleware that counts and logs each answer by its route's template, and keeps nothing of it back: streams stay streams."""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidenote.telemetry.metrics import Metrics

_log = logging.getLogger("sidenote.web")


class Measured:
    """The outermost of the middleware, so that every answer is counted, whoever gave it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Around `app`."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on as it comes; the clock stops when the answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = time.perf_counter(), False

        async def watched(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start" and not answered:
                answered = True
                self._tell(scope, int(message["status"]), time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if not answered:
                self._tell(scope, 500, time.perf_counter() - began)
            raise

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = template(scope), str(scope["method"])
        self._metrics.answered(route, method, status, seconds)
        _log.info("answered", extra={"route": route, "method": method, "status": status, "ms": seconds * 1000})


def template(scope: Scope) -> str:
    """The path of the route that answers, such as `/api/reviews/{id}`; empty where none does. Never the path that was asked for."""
    return str(getattr(scope.get("route"), "path", ""))
