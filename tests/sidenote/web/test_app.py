"""Every route of the door stands in its table, says how it refuses, and asks for a handle unless it is one of the few that open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sidenote.web.app import ROUTERS

STORES = {"lindenhof": [{"resourceType": "Patient", "id": "p1"}]}
OPEN = {("GET", "/api/ehrs"), ("POST", "/api/launch"), ("POST", "/api/session")}
"""What is asked before there is a session."""


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_door(tmp_path_factory.mktemp("home"), stores=STORES) as opened:
        yield opened


@pytest.fixture(scope="module")
def operations(door: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of everything in the OpenAPI document."""
    with door.client() as client:
        document = client.get("/api/openapi.json").json()
    return [(method.upper(), path, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def test_every_route_of_the_api_is_in_the_document(operations: list[tuple[str, str, dict[str, Any]]]) -> None:
    routes = {(method, route.path) for router in ROUTERS for route in router.routes for method in route.methods if "/api/" in route.path}  # type: ignore[attr-defined]
    assert routes == {(method, path) for method, path, _ in operations if path.startswith("/api/")}
    assert routes >= OPEN


def test_every_route_of_a_session_refuses_whoever_has_no_handle(door: Any, operations: list[tuple[str, str, dict[str, Any]]]) -> None:
    asked = [(method, path) for method, path, _ in operations if path.startswith("/api/") and (method, path) not in OPEN]
    assert asked
    said = set()
    with door.client() as client:
        for method, path in asked:
            for headers in ({}, {"Authorization": "Bearer " + "x" * 43}):
                answer = client.request(method, path.replace("{", "").replace("}", ""), headers=headers)
                said.add((answer.status_code, answer.content))
    ((status, content),) = said
    assert status == 401
    assert b'"session_over"' in content


def test_every_route_of_a_session_says_in_the_document_that_it_needs_a_handle(operations: list[tuple[str, str, dict[str, Any]]]) -> None:
    for method, path, operation in operations:
        if path.startswith("/api/"):
            assert ("security" in operation) == ((method, path) not in OPEN), path
        assert {"4XX", "5XX"} <= set(operation["responses"]), path
        assert "HTTPValidationError" not in str(operation)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"])
def test_no_page_of_the_framework_loads_scripts_from_elsewhere(door: Any, path: str) -> None:
    with door.client() as client:
        assert client.get(path).status_code == 404


def test_a_slash_too_many_is_no_redirect(door: Any) -> None:
    with door.client() as client:
        answers = [client.get("/api/ehrs/"), client.get("/launch/"), client.post("/api/launch/")]
    assert {one.status_code for one in answers} == {404}


@pytest.mark.fault(45)
def test_a_door_below_a_path_answers_there(door: Any, tmp_path: Path) -> None:
    """Mounted by a server of several, as the demo does: pages find their files, and refusals stay what they are."""
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.testclient import TestClient

    from sidenote.web.app import create_app

    client = TestClient(Starlette(routes=[Mount("/sidenote", create_app(door.parts))]))
    page = client.get("/sidenote/callback/lindenhof")
    assert '"../static/main.js"' in page.text
    assert client.get("/sidenote/static/main.js").status_code == 200
    assert client.get("/sidenote/api/ehrs").status_code == 200
    assert client.get("/sidenote/nowhere").json()["code"] == "not_found"
    assert "'none'" in client.get("/sidenote/nowhere").headers["content-security-policy"]
