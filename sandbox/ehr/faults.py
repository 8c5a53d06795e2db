"""Misbehaviour on demand: a middleware whose plan the test holds and may change while the server runs."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fhir.jsontext import dumps, loads
from sandbox.ehr.outcome import MEDIA_TYPE, fhir_response, operation_outcome

_LOGIN = "<!doctype html><html><head><title>Sign in</title></head><body><form method=post><input name=user></form></body></html>"
Edit = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class Exchange:
    """One request as the server saw it, and the status it was answered with (0 while it is not)."""

    method: str
    path: str
    had_authorization: bool
    query: str = ""
    status: int = 0


@dataclass(slots=True)
class Trouble:
    """An answer given instead of the real one, `times` times (None: for ever), where the path, ended by `/`, contains `path`."""

    status: int
    path: str = ""
    times: int | None = 1
    headers: Mapping[str, str] | None = None
    html: bool = False

    def strikes(self, path: str) -> bool:
        """Whether it strikes this request; counts down when it does."""
        if self.path not in f"{path}/" or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def response(self) -> Response:
        """The answer."""
        if self.html:
            return HTMLResponse(_LOGIN, self.status)
        return fhir_response(operation_outcome(self.status, "trouble on demand"), self.status, self.headers)


class Faults:
    """The plan, the log and the counters. Faults strike requests under `/fhir/` and `/dicomweb/` only; latency strikes all."""

    def __init__(self) -> None:
        """A server that behaves well."""
        self.log: list[Exchange] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._lock = threading.Lock()
        self._uses: Counter[str] = Counter()
        self.clear()

    def clear(self) -> None:
        """Behave well again; the log stays."""
        self.latency = 0.0
        """Seconds before each answer."""
        self._held: str | None = None
        self._troubles: list[Trouble] = []
        self._edits: list[Edit] = []
        self._json_edits: list[tuple[str, Edit]] = []
        self._uses_allowed: int | None = None

    def hold(self, path: str) -> None:
        """Keep back every answer whose path contains `path`, until `release`. What was asked is in the log already."""
        self._held = path

    def release(self) -> None:
        """Give what is kept back."""
        self._held = None

    def holds(self, path: str) -> bool:
        """Whether an answer is kept back now."""
        held = self._held
        return held is not None and held in path

    def forbid(self, *types: str) -> None:
        """403 for every request on some types, from now on; `$everything` still holds them."""
        self._troubles += [Trouble(403, f"/fhir/{name}/", None) for name in types]

    def answer(self, status: int, *, times: int | None = 1, path: str = "", retry_after: str | None = None) -> None:
        """Answer with a status such as 429 or 503 instead, with `Retry-After` as given."""
        self._troubles.append(Trouble(status, path, times, {"Retry-After": retry_after} if retry_after is not None else None))

    def login_page(self, *, times: int | None = 1, path: str = "") -> None:
        """200 with an HTML login page."""
        self._troubles.append(Trouble(200, path, times, html=True))

    def expire_tokens_after(self, uses: int) -> None:
        """Each access token is good for so many FHIR and image requests, then gets 401; a new token begins at 0."""
        self._uses.clear()
        self._uses_allowed = uses

    def add_to_bundles(self, resource: Mapping[str, Any]) -> None:
        """Put a resource, such as another patient's, into every searchset as if it were a match."""
        self._edits.append(lambda bundle: bundle.setdefault("entry", []).append({"resource": resource, "search": {"mode": "match"}}))

    def drop(self, type_: str) -> None:
        """Leave the entries of a type out of every searchset, and say nothing."""

        def edit(bundle: dict[str, Any]) -> None:
            bundle["entry"] = [each for each in bundle.get("entry", ()) if each["resource"]["resourceType"] != type_]

        self._edits.append(edit)

    def next_link(self, url: str | Literal["loop"]) -> None:
        """Every searchset's next link is `url`, or with `loop` its own self link."""

        def edit(bundle: dict[str, Any]) -> None:
            own = next(link["url"] for link in bundle["link"] if link["relation"] == "self")
            rest = [link for link in bundle["link"] if link["relation"] != "next"]
            bundle["link"] = [*rest, {"relation": "next", "url": own if url == "loop" else url}]

        self._edits.append(edit)

    def edit_bundles(self, edit: Edit) -> None:
        """Change every searchset in a way of the test's own."""
        self._edits.append(edit)

    def edit_json(self, path: str, edit: Edit) -> None:
        """Change the JSON of every 200 answer whose path contains `path`: a SMART configuration, a token answer, a resource."""
        self._json_edits.append((path, edit))

    def count(self, part: str = "", method: str | None = None) -> int:
        """How many requests so far had `part` in their path."""
        return sum(1 for each in tuple(self.log) if part in each.path and method in (None, each.method))

    def begin(self, request: Request) -> Exchange:
        """Write a request into the log."""
        seen = Exchange(request.method, request.url.path, "authorization" in request.headers, request.url.query)
        with self._lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.log.append(seen)
        return seen

    def end(self) -> None:
        """Count a request that has been answered or given up."""
        with self._lock:
            self.in_flight -= 1

    def instead(self, request: Request) -> Response | None:
        """The answer that the plan gives in place of the real one."""
        path = request.url.path
        if not path.startswith(("/fhir/", "/dicomweb/")):
            return None
        trouble = next((each for each in self._troubles if each.strikes(path)), None)
        if trouble is not None:
            return trouble.response()
        return self._expired(request.headers.get("authorization"))

    def _expired(self, authorization: str | None) -> Response | None:
        if self._uses_allowed is None or authorization is None:
            return None
        self._uses[authorization] += 1
        if self._uses[authorization] <= self._uses_allowed:
            return None
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return fhir_response(operation_outcome(401, "the access token has expired"), 401, challenge)

    def edits(self, path: str) -> tuple[Edit, ...]:
        """The edits of an answer's JSON."""
        whole = [edit for part, edit in self._json_edits if part in path]
        return (*([self._edit_searchset] if self._edits and path.startswith("/fhir/") else ()), *whole)

    def _edit_searchset(self, body: dict[str, Any]) -> None:
        for edit in self._edits if body.get("type") == "searchset" else ():
            edit(body)


class FaultMiddleware:
    """Carries out the plan of a `Faults` around an application."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        """Wrap `app`."""
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log the request, wait, and give the planned or the real answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        seen = self.faults.begin(request)

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
            await send(message)

        try:
            if self.faults.latency:
                await asyncio.sleep(self.faults.latency)
            while self.faults.holds(request.url.path):
                await asyncio.sleep(0.005)
            await self._answer(request, receive, watch)
        finally:
            self.faults.end()

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        instead = self.faults.instead(request)
        edits = self.faults.edits(request.url.path)
        if instead is not None:
            await instead(request.scope, receive, send)
        elif edits:
            real = await _collect(self.app, request.scope, receive)
            await _edited(real, edits)(request.scope, receive, send)
        else:
            await self.app(request.scope, receive, send)


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    start: Message = {}
    body = bytearray()

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    response = Response(bytes(body), start["status"])
    response.raw_headers = list(start["headers"])
    return response


def _edited(real: Response, edits: tuple[Edit, ...]) -> Response:
    media_type = Headers(raw=real.raw_headers).get("content-type", "")
    if real.status_code != 200 or media_type not in (MEDIA_TYPE, "application/json"):
        return real
    body = loads(bytes(real.body))
    for edit in edits:
        edit(body)
    return Response(dumps(body), media_type=media_type)
