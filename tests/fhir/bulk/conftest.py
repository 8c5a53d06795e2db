"""A bulk export server on loopback that is strict about what it is asked, and whose answers are scripted."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fhir.bulk.export import Course, Progress, export
from fhir.bulk.files import FileLimits
from fhir.bulk.poll import Patience
from fhir.bulk.request import ExportRequest
from fhir.bulk.state import ExportState
from fhir.wire.authorization import Authorization
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire

Body = dict[str, Any]
NDJSON, FHIR = "application/fhir+ndjson", "application/fhir+json"
NOW = "2026-11-20T09:00:00.000Z"


@dataclass
class Reply:
    """An answer; `cut` sends only so many bytes of it and hangs up."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class Asked:
    """What the server was asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def outcome(status: int, code: str) -> Reply:
    body = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": "Mrs Canary"}]}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": FHIR})


class BulkServer:
    """One origin. `script` holds answers, by method and path without query, that come instead of a sound server's, in order."""

    def __init__(self) -> None:
        self.origin = self.base = ""
        self.token: str | None = None
        self.requires_access_token = False
        self.files: dict[str, Reply] = {}
        self.output: list[Body] = []
        self.error: list[Body] = []
        self.deleted: list[Body] = []
        self.resources: dict[str, Body] = {}
        self.transaction_time = NOW
        self.extra: Body = {}
        self.polls = 0
        self.script: dict[tuple[str, str], list[Reply]] = {}
        self.asked: list[Asked] = []
        self.jobs: set[str] = set()

    def holds(self, name: str, kind: str, lines: list[Body] | bytes, *, to: str = "output", packed: str = "", **more: Any) -> str:
        """Put a file on the server and into its manifest; its URL."""
        text = lines if isinstance(lines, bytes) else ndjson(*lines)
        headers = {"Content-Type": NDJSON, **({"Content-Encoding": "gzip"} if packed == "encoding" else {})}
        self.files[f"/files/{name}"] = Reply(200, gzip.compress(text) if packed else text, headers)
        url = f"{self.origin}/files/{name}"
        getattr(self, to).append({"type": kind, "url": url, **more})
        return url

    def scripted(self, method: str, path: str, *replies: Reply) -> None:
        self.script.setdefault((method, path), []).extend(replies)

    def methods(self, path: str) -> list[str]:
        return [one.method for one in self.asked if one.path.partition("?")[0] == path]

    def answer(self, asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        waiting = self.script.get((asked.method, path))
        if waiting:
            return waiting.pop(0)
        if path.startswith("/files/"):
            return self.file(asked, path)
        if self.token is not None and asked.headers.get("authorization") != f"Bearer {self.token}":
            return outcome(401, "login")
        if path.endswith("$export"):
            return self.kick_off(asked)
        if path.startswith("/jobs/"):
            return self.job(asked, path)
        found = self.resources.get(path.removeprefix("/fhir/"))
        return Reply(200, json.dumps(found).encode(), {"Content-Type": FHIR}) if found else outcome(404, "not-found")

    def kick_off(self, asked: Asked) -> Reply:
        if asked.headers.get("accept") != FHIR or asked.headers.get("prefer") != "respond-async":
            return outcome(400, "invalid")
        if asked.method == "POST" and asked.headers.get("content-type") != FHIR:
            return outcome(415, "not-supported")
        path = f"/jobs/{len(self.asked)}"
        self.jobs.add(path)
        return Reply(202, b"", {"Content-Location": f"{self.origin}{path}"})

    def job(self, asked: Asked, path: str) -> Reply:
        if path not in self.jobs:
            return outcome(404, "not-found")
        if asked.method == "DELETE":
            self.jobs.discard(path)
            return Reply(202)
        if self.polls:
            self.polls -= 1
            return Reply(202, b"", {"X-Progress": f"{self.polls} to go", "Retry-After": "0"})
        manifest = {
            "transactionTime": self.transaction_time,
            "request": f"{self.base}/$export",
            "requiresAccessToken": self.requires_access_token,
            "output": self.output,
            "error": self.error,
            **({"deleted": self.deleted} if self.deleted else {}),
            **self.extra,
        }
        return Reply(200, json.dumps(manifest).encode(), {"Content-Type": "application/json"})

    def file(self, asked: Asked, path: str) -> Reply:
        if asked.headers.get("accept") != NDJSON:
            return outcome(406, "not-supported")
        token = asked.headers.get("authorization")
        if not self.requires_access_token and token is not None:
            return outcome(400, "security")
        if self.requires_access_token and token != f"Bearer {self.token}":
            return outcome(401, "login")
        return self.files.get(path) or outcome(404, "not-found")


def ndjson(*lines: Body | bytes) -> bytes:
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


@contextmanager
def serving(server: BulkServer) -> Iterator[BulkServer]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            server.asked.append(asked)
            reply = server.answer(asked)
            self.send_response(reply.status)
            for name, value in {"Content-Type": FHIR, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: reply.cut])

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that hangs up is what some tests are about."""

    httpd = Server(("127.0.0.1", 0), Handler)
    server.origin = f"http://127.0.0.1:{httpd.server_port}"
    server.base = f"{server.origin}/fhir"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@pytest.fixture
def server() -> Iterator[BulkServer]:
    with serving(BulkServer()) as started:
        yield started


@pytest.fixture
def another() -> Iterator[Callable[[], BulkServer]]:
    """Starts further origins, for files that lie elsewhere."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(serving(BulkServer()))


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def refusal() -> Callable[[int, str], Reply]:
    """An OperationOutcome with a status and a code, whose words nobody may repeat."""
    return outcome


@pytest.fixture
def as_ndjson() -> Callable[..., bytes]:
    return ndjson


QUICK = Course(patience=Patience(first=0.001, longest=0.002, total=60.0), limits=FileLimits(attempts=3, wait=0.001))


@pytest.fixture
def quick() -> Course:
    """Patience of milliseconds."""
    return QUICK


@pytest.fixture
def wired(server: BulkServer) -> Callable[..., Wire]:
    """A wire to the server, and to further origins that may be asked, with or without the token."""

    def make(*, plain: tuple[str, ...] = (), trusted: tuple[str, ...] = (), authorization: Authorization | None = None) -> Wire:
        allowed = origins(server.base, *trusted, plain=plain)
        return Wire(allowed, authorization=authorization, limits=Limits(attempts=2, wait=0.001, longest_wait=0.002, deadline=60.0))

    return make


@pytest.fixture
def exported(server: BulkServer, wired: Callable[..., Wire], tmp_path: Path) -> Callable[..., ExportState]:
    """Export all patients, or what `request` says, into a folder `out`."""

    def run(
        request: ExportRequest | None = None,
        *,
        course: Course = QUICK,
        seen: list[Progress] | None = None,
        out: Path | None = None,
        **allowed: Any,
    ) -> ExportState:
        async def go() -> ExportState:
            wire = wired(**allowed)
            try:
                return await export(
                    wire,
                    server.base,
                    request or ExportRequest("patients"),
                    out or tmp_path / "out",
                    course=course,
                    on_progress=(seen if seen is not None else []).append,
                )
            finally:
                await wire.aclose()

        return asyncio.run(go())

    return run
