"""What scripts of other origins may ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

APP = "http://app.example:8080"


@pytest.fixture(scope="module")
def choosy(request: pytest.FixtureRequest) -> Iterator[Running]:
    with running(Store([{"resourceType": "Patient", "id": "p1"}]), Config(cors_origins=(APP,))) as server:
        yield server


def preflight(
    connections: httpx.Client, url: str, origin: str = APP, method: str = "PUT", headers: str = "authorization"
) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return connections.options(url, headers=asked)


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/Patient/p1",
        "/fhir/.well-known/smart-configuration",
        "/fhir/metadata",
        "/dicomweb/studies",
        "/auth/token",
        "/auth/introspect",
        "/auth/revoke",
    ],
)
def test_the_endpoints_let_the_one_origin_in_and_no_other(choosy: Running, connections: httpx.Client, path: str) -> None:
    headers = "authorization,content-type,prefer,if-match,if-none-match,if-none-exist,accept"
    allowed = preflight(connections, choosy.origin + path, headers=headers)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, APP)
    assert "origin" in allowed.headers["vary"].lower()
    assert "access-control-allow-credentials" not in allowed.headers
    for stranger in (f"{APP}.evil.example", "http://app.example:80", "null", APP.upper()):
        refused = preflight(connections, choosy.origin + path, stranger)
        assert (refused.status_code, "access-control-allow-origin" in refused.headers) == (400, False)
    assert preflight(connections, choosy.origin + path, headers="x-mine").status_code == 400
    assert preflight(connections, choosy.origin + path, method="TRACE").status_code == 400


@pytest.mark.parametrize("path", ["/auth/authorize", "/auth/sign-in", "/auth/consent", "/auth/hospital.css"])
def test_the_pages_let_no_script_in(choosy: Running, connections: httpx.Client, path: str) -> None:
    assert "access-control-allow-origin" not in preflight(connections, choosy.origin + path).headers
    assert "access-control-allow-origin" not in connections.get(choosy.origin + path, headers={"Origin": APP}).headers


def test_a_script_reads_versions_and_places_and_errors_too(choosy: Running, connections: httpx.Client) -> None:
    body = {"resourceType": "Patient", "id": "p1"}
    written = connections.put(f"{choosy.base}/Patient/p1", json=body, headers={"Origin": APP, "Content-Type": "application/fhir+json"})
    exposed = {each.strip() for each in written.headers["access-control-expose-headers"].split(",")}
    assert {"ETag", "Location", "Content-Location", "Last-Modified"} <= exposed
    for path in ("/fhir/Patient/gone", "/fhir/Nothing"):
        answer = connections.get(choosy.origin + path, headers={"Origin": APP})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (404, APP)
    choosy.faults.answer(503)
    struck = connections.get(f"{choosy.base}/Patient/p1", headers={"Origin": APP})
    assert (struck.status_code, struck.headers["access-control-allow-origin"]) == (503, APP)
    stranger: Any = connections.get(f"{choosy.base}/Patient/p1", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_a_hospital_that_says_nothing_else_is_open_to_all_origins_without_credentials(ehr: Running, connections: httpx.Client) -> None:
    answer = preflight(connections, f"{ehr.base}/Patient/p1", "http://anybody.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_preflight_is_not_a_request_that_trouble_strikes(choosy: Running, connections: httpx.Client) -> None:
    before = len(choosy.faults.log)
    assert preflight(connections, f"{choosy.base}/Patient/p1").status_code == 200
    assert len(choosy.faults.log) == before
