"""What is refused before any route is asked: changes from other sites, bodies that are no JSON, too long, or never come."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from sidenote.web import guard
from sidenote.web.guard import LARGEST

WINDOW = "w" * 43


@pytest.fixture(scope="module")
def door(open_door: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_door(tmp_path_factory.mktemp("home"), stores={"lindenhof": [{"resourceType": "Patient", "id": "p1"}]}) as opened:
        yield opened


def asked(door: Any, headers: dict[str, str], method: str = "POST", path: str = "/api/launch") -> tuple[int, str]:
    body = {"iss": "https://unknown.example/fhir", "launch": "x", "window": WINDOW}
    with door.client() as client:
        answer = client.request(method, path, json=body, headers=headers)
    return answer.status_code, answer.json()["code"]


@pytest.mark.fault(50)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "OWN"},
        {"Sec-Fetch-Site": "Same-Origin"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "OWN.evil.example"},
    ],
)
def test_a_page_of_another_site_changes_nothing(door: Any, method: str, headers: dict[str, str]) -> None:
    sent = {name: value.replace("OWN", door.url) for name, value in headers.items()}
    for path in ("/api/launch", "/api/session", "/nowhere"):
        assert asked(door, sent, method, path) == (403, "cross_site")


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "OWN"}])
def test_our_own_page_and_programs_may_ask(door: Any, headers: dict[str, str]) -> None:
    sent = {name: value.replace("OWN", door.url) for name, value in headers.items()}
    assert asked(door, sent) == (400, "issuer_unknown")


@pytest.mark.fault(50)
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "text/json", ""],
)
def test_a_body_that_is_no_json_is_refused_unread(door: Any, media_type: str) -> None:
    body = json.dumps({"iss": "https://unknown.example/fhir", "launch": "x", "window": WINDOW})
    with door.client() as client:
        answer = client.post("/api/launch", content=body, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.json()["code"]) == (415, "not_json")


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_may_come_with_parameters(door: Any, media_type: str) -> None:
    assert asked(door, {"Content-Type": media_type}) == (400, "issuer_unknown")


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
@pytest.mark.parametrize(("length", "status"), [(LARGEST, 400), (LARGEST + 1, 413)])
def test_a_body_is_no_longer_than_it_may_be(door: Any, chunked: bool, length: int, status: int) -> None:
    plain = json.dumps({"iss": "https://unknown.example/fhir", "launch": "x", "window": WINDOW}).encode()
    body = plain + b" " * (length - len(plain))
    content = iter([body[:1000], body[1000:]]) if chunked else body
    with door.client() as client:
        answer = client.post("/api/launch", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["code"] == "body_too_large"


def test_a_body_that_does_not_come_is_not_waited_for(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.1)
    where = urlsplit(door.url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(b"POST /api/launch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        head = connection.recv(4096)
    assert head.startswith(b"HTTP/1.1 408 ")
