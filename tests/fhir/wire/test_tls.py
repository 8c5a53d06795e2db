"""Who a server proves to be, with certificates made for the test."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fhir.errors import Unreachable
from fhir.wire.authorization import Bearer
from fhir.wire.exchange import Answer, Ask
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire

Certify = Callable[..., Path]
Serve = Callable[[Path], str]


@pytest.fixture
def seen() -> list[str | None]:
    """The Authorization headers that arrived."""
    return []


@pytest.fixture
def serve(seen: list[str | None]) -> Iterator[Serve]:
    """Starts an https server with a certificate; its URL."""
    started: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that does not believe it is what some tests are about."""

    def start(pem: Path) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server = Server(("127.0.0.1", 0), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((server, thread))
        return f"https://127.0.0.1:{server.server_port}/x"

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


def asked(url: str, tls: ssl.SSLContext | None = None) -> Answer:
    async def run() -> Answer:
        wire = Wire(origins(url), authorization=Bearer("canary"), limits=Limits(attempts=1), tls=tls)
        try:
            return await wire.ask(Ask("GET", url))
        finally:
            await wire.aclose()

    return asyncio.run(run())


@pytest.mark.std("A20")
def test_a_server_whose_authority_is_known_is_believed(certify: Certify, serve: Serve, seen: list[str | None]) -> None:
    pem = certify()
    assert asked(serve(pem), ssl.create_default_context(cafile=str(pem))).status == 204
    assert seen == ["Bearer canary"]


@pytest.mark.std("A20")
def test_an_authority_that_the_machine_was_given_is_known(certify: Certify, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hospital signs its own servers: the machine's list counts, not one that came with a library."""
    pem = certify()
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    assert asked(serve(pem)).status == 204


@pytest.mark.std("A20")
@pytest.mark.parametrize(("address", "days"), [("127.0.0.1", -1), ("127.0.0.2", 1)], ids=["out of date", "of another host"])
def test_a_certificate_that_does_not_hold_is_not_believed(
    certify: Certify, serve: Serve, seen: list[str | None], address: str, days: int
) -> None:
    pem = certify(address, days)
    with pytest.raises(Unreachable, match="certificate"):
        asked(serve(pem), ssl.create_default_context(cafile=str(pem)))
    assert seen == []


@pytest.mark.std("A20")
def test_a_server_that_signs_itself_is_not_believed_and_sees_no_token(certify: Certify, serve: Serve, seen: list[str | None]) -> None:
    with pytest.raises(Unreachable, match="certificate"):
        asked(serve(certify()))
    assert seen == []
