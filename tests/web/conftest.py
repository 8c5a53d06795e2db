"""Headless Chromium, and a page of an app on an origin of its own."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NoReturn

import pytest
from playwright.sync_api import Browser, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
Files = dict[str, tuple[str, bytes]]


@pytest.fixture(scope="module")
def chromium(missing: Callable[[str], NoReturn]) -> Iterator[Browser]:
    """One a module: while it stands an event loop runs in this thread, which tests elsewhere want for themselves."""
    found = shutil.which("chromium")
    if found is None:
        missing("chromium is not installed")
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=found, args=[*FLAGS, "--disable-component-update"])
        yield started
        started.close()


@pytest.fixture
def site() -> Iterator[Callable[[Files], str]]:
    """Serves files by path (media type, bytes) on an origin of its own, and tells the origin."""
    servers: list[ThreadingHTTPServer] = []

    def serve(files: Files) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, body = files.get(self.path.partition("?")[0], ("text/plain", b""))
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
