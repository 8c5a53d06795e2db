"""Who may change something, and what every answer says to the browser."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from sandbox.chart.guard import Forbidden, headers_for, origin_of, require_same_origin, require_token
from sandbox.chart.sessions import SignedIn
from sandbox.chart.staff import CLINICIANS

OURS = "http://127.0.0.1:8400"


def asked(**headers: str) -> Request:
    return Request({"type": "http", "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]})


@pytest.mark.parametrize("headers", [{}, {"origin": OURS}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none", "origin": OURS}])
def test_our_own_pages_and_programs_are_let_through(headers: dict[str, str]) -> None:
    require_same_origin(asked(**headers), OURS)


@pytest.mark.fault(50)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8401"},
        {"origin": "https://evil.example"},
        {"origin": OURS, "sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_another_sites_page_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        require_same_origin(asked(**headers), OURS)


@pytest.mark.fault(50)
@pytest.mark.parametrize("given", [None, "", "token ", "Token", "tökén"])
def test_only_the_sessions_own_token_counts(given: str | None) -> None:
    signed_in = SignedIn(CLINICIANS[0], "token")
    require_token("token", signed_in)
    with pytest.raises(Forbidden):
        require_token(given, signed_in)


def test_nothing_inline_and_nothing_from_elsewhere_but_the_app_in_its_frame() -> None:
    policy = headers_for("https://app.example:8443/launch?x=1")["Content-Security-Policy"]
    rules = dict(part.split(" ", 1) for part in policy.split("; "))
    assert "unsafe" not in policy
    assert "*" not in policy
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["img-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-src"] == f"'self' {origin_of('https://app.example:8443/launch')}"
