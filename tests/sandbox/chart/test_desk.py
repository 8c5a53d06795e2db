"""How requests are answered and refused, and what a body may be."""

from __future__ import annotations

from typing import Any

import pytest

HEADERS = ("content-security-policy", "referrer-policy", "x-content-type-options", "cross-origin-opener-policy", "cache-control")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/chart", 303),
        ("GET", "/chart/tension-ptx", 303),
        ("GET", "/chart/_/static/none.js", 404),
        ("GET", "/chart/_/static/chart.js", 200),
        ("POST", "/chart/_/server", 401),
        ("POST", "/chart/tension-ptx/launch", 401),
        ("POST", "/chart/_/sign-in", 400),
    ],
)
def test_every_answer_carries_the_headers_and_nobody_is_let_in_unasked(method: str, path: str, status: int, visitor: Any) -> None:
    answer = visitor.http.request(method, path)
    assert answer.status_code == status
    assert [name for name in HEADERS if name not in answer.headers] == []
    assert status != 303 or answer.headers["location"] == "/"


@pytest.mark.parametrize("patient", ["nobody", "a b", "%3Cscript%3E", "x" * 65])
def test_of_nobody_there_is_no_chart(patient: str, browser: Any) -> None:
    answer = browser.http.get(f"/chart/{patient}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"slow":true,"slow":false}', "application/json"),
        (b'{"slow":true}', "text/plain"),
        (b'{"slow":true}', "application/x-www-form-urlencoded"),
        (b'{"x":"' + b"y" * 10_001 + b'"}', "application/json"),
    ],
    ids=["empty", "cut", "list", "twice", "text", "form", "long"],
)
def test_a_body_that_is_no_json_object_changes_nothing(body: bytes, kind: str, browser: Any) -> None:
    headers = {"Content-Type": kind, "X-CSRF-Token": browser.token}
    answer = browser.http.post("/chart/_/server", content=body, headers=headers)
    assert answer.status_code == 400
    assert browser.http.get("/chart/_/server").json() == {"sentences": []}


def test_a_refusal_is_a_page_for_people_and_json_for_scripts(browser: Any) -> None:
    page = browser.http.get("/chart/nobody", headers={"Accept": "text/html"})
    script = browser.http.get("/chart/nobody", headers={"Accept": "application/json"})
    assert page.headers["content-type"].startswith("text/html")
    assert script.json() == {"detail": "The hospital has nothing here."}
