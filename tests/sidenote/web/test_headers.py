"""Every answer says who may frame it, that it is kept nowhere, and that nothing of another place is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from sidenote.web.headers import ALWAYS, CSP, SecurityHeaders, framed_by

PATIENTS = [{"resourceType": "Patient", "id": name} for name in ("p1", "p2")]


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    stores = dict.fromkeys(("lindenhof", "seeblick"), PATIENTS)
    with open_door(tmp_path_factory.mktemp("home"), *stores, stores=stores) as opened:
        yield opened


def directives(answer: Any) -> dict[str, str]:
    return dict(part.strip().partition(" ")[::2] for part in answer.headers[CSP].split(";"))


ANSWERS = [
    ("GET", "/", 200),
    ("GET", "/nowhere", 404),
    ("GET", "/static/dom.js", 200),
    ("GET", "/static/wire.d.ts", 404),
    ("GET", "/static/..%2f..%2fsettings.py", 404),
    ("GET", "/callback/nobody", 404),
    ("GET", "/launch", 400),
    ("GET", "/api/ehrs", 200),
    ("GET", "/api/openapi.json", 200),
    ("GET", "/.well-known/jwks.json", 200),
    ("PUT", "/api/launch", 405),
    ("POST", "/api/launch", 422),
    ("DELETE", "/api/session", 401),
]


@pytest.mark.fault(45)
@pytest.mark.fault(32)
@pytest.mark.fault(46)
@pytest.mark.std("A19")
@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_has_the_headers_whatever_it_is(door: Any, method: str, path: str, status: int) -> None:
    with door.client() as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in ALWAYS} == dict(ALWAYS)
    said = directives(answer)
    assert (said["default-src"], said["script-src"], said["base-uri"], said["form-action"]) == ("'none'", "'self'", "'none'", "'none'")
    assert said["require-trusted-types-for"] == "'script'"
    assert "*" not in answer.headers[CSP]
    assert "unsafe" not in answer.headers[CSP]
    kept = {"/static/dom.js": "no-cache", "/.well-known/jwks.json": "public, max-age=300"}.get(path, "no-store")
    assert answer.headers["Cache-Control"] == kept
    assert "set-cookie" not in answer.headers
    assert "server" not in answer.headers


@pytest.mark.fault(45)
def test_each_page_is_framed_by_its_own_ehr_alone(door: Any) -> None:
    one, other = (door.hospitals[name] for name in ("lindenhof", "seeblick"))
    with door.client() as client:
        launched = client.get("/launch", params={"iss": one.base, "launch": "x"})
        came_back = client.get("/callback/seeblick?code=x&state=y")
        start, api, unknown = client.get("/"), client.get("/api/ehrs"), client.get("/launch?iss=https://evil.example&launch=x")
    assert directives(launched)["frame-ancestors"] == one.origin
    assert directives(came_back)["frame-ancestors"] == other.origin
    assert directives(start)["frame-ancestors"] == f"{one.origin} {other.origin}"
    assert directives(api)["frame-ancestors"] == directives(unknown)["frame-ancestors"] == "'none'"


def test_nobody_frames_where_nobody_may() -> None:
    assert framed_by(())[CSP].endswith("frame-ancestors 'none'")


def test_a_route_may_say_how_long_and_by_whom_but_not_otherwise() -> None:
    async def route(request: Request) -> Response:
        return PlainTextResponse(
            "", headers={"Cache-Control": "no-cache", "Referrer-Policy": "unsafe-url", **framed_by(["https://a.example"])}
        )

    client = TestClient(SecurityHeaders(Starlette(routes=[Route("/", route)])))
    answer = client.get("/")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert directives(answer)["frame-ancestors"] == "https://a.example"
