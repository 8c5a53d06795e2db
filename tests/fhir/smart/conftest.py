"""An EHR on loopback whose every answer can be scripted, keys to sign with, a clock to turn, and an ear for outbound connections."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import sys
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from fhir.smart.clients import Client, PublicClient
from fhir.smart.clock import Clock
from fhir.smart.issuers import Issuer, Issuers
from fhir.smart.launch import Launched, Launches
from fhir.smart.quirks import quirks
from fhir.smart.scopes import asked
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire

Body = dict[str, Any]
Answer = tuple[int, str, bytes]
CLIENT, REDIRECT, BINDING = "sidenote", "http://127.0.0.1:1/callback", "b" * 43
SCOPES = "launch openid fhirUser online_access patient/*.rs"
CAPABILITIES = [
    "launch-ehr",
    "launch-standalone",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-ehr-patient",
    "context-standalone-patient",
    "permission-patient",
    "permission-user",
    "permission-offline",
    "permission-online",
    "permission-v2",
]
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, and is there at once: everything here is on loopback without TLS."""
SECRETS = ("canary-access", "canary-refresh", "canary-renewed")


@dataclass
class Turned:
    """A clock that a test turns."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Asked:
    """A request that reached the server."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]


@dataclass
class Ehr:
    """A sound SMART server, until a test changes something of it."""

    signing: RSAKey
    clock: Clock
    base: str = ""
    configuration: Body = field(default_factory=dict)
    token: Body = field(default_factory=dict)
    claims: Body = field(default_factory=dict)
    header: Body = field(default_factory=dict)
    keys: list[Body] = field(default_factory=list)
    answers: dict[str, Answer | Callable[[Asked], Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    broke: list[Exception] = field(default_factory=list)
    """What the script of a test stumbled over, which must not pass for a fault of the server."""
    nonce: str = ""
    delay: float = 0.0

    def began(self, origin: str) -> None:
        self.base = f"{origin}/fhir"
        self.configuration = {
            "issuer": self.base,
            "jwks_uri": f"{origin}/jwks",
            "authorization_endpoint": f"{origin}/authorize",
            "token_endpoint": f"{origin}/token",
            "introspection_endpoint": f"{origin}/introspect",
            "code_challenge_methods_supported": ["S256"],
            "capabilities": CAPABILITIES,
        }
        self.token = {
            "access_token": SECRETS[0],
            "refresh_token": SECRETS[1],
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": SCOPES,
            "patient": "p1",
        }
        self.keys = [{**self.signing.as_dict(private=False), "kid": "k1", "use": "sig"}]

    def answer(self, asked: Asked) -> Answer:
        time.sleep(self.delay)
        scripted = self.answers.get(asked.path)
        if scripted is not None:
            return scripted(asked) if callable(scripted) else scripted
        if asked.path == "/fhir/.well-known/smart-configuration":
            return self.json(self.configuration)
        if asked.path == "/jwks":
            return self.json({"keys": self.keys})
        if asked.path == "/token":
            granted = asked.form.get("grant_type") == "authorization_code" and "openid" in str(self.token.get("scope"))
            return self.json({**({"id_token": self.id_token()} if granted else {}), **self.token})
        return self.json({"error": "unknown"}, 404)

    @staticmethod
    def json(body: object, status: int = 200, kind: str = "application/json") -> Answer:
        return status, kind, json.dumps(body).encode()

    def id_token(self, **claims: Any) -> str:
        """One that is sound, but for `self.claims`, `self.header` and `claims`; a value of None leaves a claim out."""
        now = int(self.clock())
        sound = {"iss": self.base, "sub": "u1", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": self.nonce}
        body = {**sound, "fhirUser": f"{self.base}/Practitioner/d1", **self.claims, **claims}
        header = {"alg": "RS256", "kid": "k1", **self.header}
        return jwt.encode(
            {name: value for name, value in header.items() if value is not None},
            {name: value for name, value in body.items() if value is not None},
            self.signing,
        )

    def issuer(self, client: Client | None = None, scopes: str = SCOPES, **options: Any) -> Issuer:
        named = quirks(options.pop("options", ()))
        return Issuer(
            self.base, client or PublicClient(CLIENT), asked(scopes), options.pop("redirect_uri", REDIRECT), quirks=named, **options
        )

    def wire(self, **limits: Any) -> Wire:
        return Wire(Issuers(self.issuer()).origins(), limits=Limits(**{"attempts": 1, **limits}), tls=NO_TLS)

    def visit(self, url: str, **more: str) -> str:
        """What the browser would bring back from a URL: the query of the redirect."""
        given = parse_qs(urlsplit(url).query)
        self.nonce = given.get("nonce", [""])[0]
        return urlencode({"code": "c1", "state": given["state"][0], **more})

    async def launched(self, launches: Launches, binding: str = BINDING, **more: str) -> Launched:
        url = await launches.ehr(self.base, "l1", binding)
        return await launches.callback(REDIRECT, self.visit(url, **more), binding)

    def forms(self, path: str = "/token") -> list[Mapping[str, str]]:
        return [one.form for one in self.asked if one.path == path]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests are about."""


def _handler(ehr: Ehr) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two would wait 40 ms for each other

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
            asked = Asked(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, form)
            ehr.asked.append(asked)
            try:
                status, kind, text = ehr.answer(asked)
            except Exception as error:
                ehr.broke.append(error)
                raise
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", text.decode())
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            self.wfile.flush()

        do_GET = do_POST = _any

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


@pytest.fixture(scope="session")
def rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "k1"})


@pytest.fixture(scope="session")
def other_rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "k2"})


@pytest.fixture(scope="session")
def ec() -> ECKey:
    return ECKey.generate_key("P-384", {"kid": "e1"})


@pytest.fixture(scope="session")
def weak_rsa() -> bytes:
    """A private JWK of 1024 bits."""
    with warnings.catch_warnings(action="ignore", category=SecurityWarning):
        return json.dumps(RSAKey.generate_key(1024, {"kid": "w1"}).as_dict(private=True)).encode()


@pytest.fixture
def clock() -> Turned:
    return Turned()


def _serving(ehr: Ehr, certificate: Path | None = None) -> Iterator[Ehr]:
    httpd = _Quiet(("127.0.0.1", 0), _handler(ehr))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    ehr.began(f"{'https' if certificate else 'http'}://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield ehr
    httpd.shutdown()
    thread.join()
    httpd.server_close()
    assert ehr.broke == []


@pytest.fixture
def ehr(rsa: RSAKey, clock: Turned) -> Iterator[Ehr]:
    yield from _serving(Ehr(rsa, clock))


@pytest.fixture
def certified_ehr(rsa: RSAKey, clock: Turned, certify: Callable[..., Path]) -> Iterator[tuple[Ehr, Path]]:
    """One under TLS, and the certificate it signed itself."""
    certificate = certify()
    for ehr in _serving(Ehr(rsa, clock), certificate):
        yield ehr, certificate


@pytest.fixture
def other_ehr(other_rsa: RSAKey, clock: Turned) -> Iterator[Ehr]:
    yield from _serving(Ehr(other_rsa, clock))


@pytest.fixture
def with_launches(ehr: Ehr, clock: Turned) -> Callable[..., Any]:
    """Run an async function with a `Launches` for the EHR (or for `issuers`), and close it."""

    def run(act: Callable[[Launches], Awaitable[Any]], *issuers: Issuer, **options: Any) -> Any:
        async def inside() -> Any:
            known = Issuers(*(issuers or (ehr.issuer(),)))
            wire = Wire(known.origins(), limits=Limits(attempts=1), tls=NO_TLS)
            try:
                return await act(Launches(known, wire=wire, clock=clock, **options))
            finally:
                await wire.aclose()

        return asyncio.run(inside())

    return run


class Ear:
    """Hears every name looked up and every socket connected in this process, by Python's own audit events."""

    EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "open"})

    def __init__(self) -> None:
        self.listens = False
        self.heard: list[tuple[str, str]] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if self.listens and event in self.EVENTS and (event != "open" or "passwd" in str(args[0])):
            self.heard.append((event, str(args[1:] or args)))

    def __enter__(self) -> list[tuple[str, str]]:
        self.heard.clear()
        self.listens = True
        return self.heard

    def __exit__(self, *_: object) -> None:
        self.listens = False


@pytest.fixture(scope="session")
def ear() -> Ear:
    """One for the whole run: an audit hook cannot be taken away again."""
    return Ear()


@pytest.fixture(scope="session")
def encoded() -> Callable[[object], str]:
    """A part of a JWT: base64url of JSON, or of bytes as they are."""

    def encode(value: object) -> str:
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    return encode
