"""Who may change something through the chart page, and the headers of every answer of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request

from sandbox.chart.sessions import SignedIn

CSRF_HEADER = "x-csrf-token"
_OURS = frozenset({"same-origin", "none"})


class Forbidden(Exception):
    """The request was not made by a page of ours."""


def require_same_origin(request: Request, origin: str) -> None:
    """Refuse what another site's page sends (Fetch Metadata; RFC 6454).

    Raises:
        Forbidden: `Sec-Fetch-Site` or `Origin` names another site.
    """
    if request.headers.get("sec-fetch-site", "none") not in _OURS:
        raise Forbidden("the request comes from another site")
    if request.headers.get("origin", origin) != origin:
        raise Forbidden("the request comes from another origin")


def require_token(given: str | None, signed_in: SignedIn) -> None:
    """Refuse what a page of ours did not send.

    Raises:
        Forbidden: the token of the session is missing or another.
    """
    if not secrets.compare_digest((given or "").encode(), signed_in.csrf.encode()):
        raise Forbidden("the page's token is missing or not of this session")


def origin_of(url: str) -> str:
    """Scheme, host and port of an absolute URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def headers_for(launch_url: str) -> Mapping[str, str]:
    """The headers of a page that frames the app at `launch_url`: nothing inline, nothing from elsewhere, framed by nobody."""
    app = origin_of(launch_url)
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "frame-src": f"'self' {app}",
        "form-action": f"'self' {app}",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "chart",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # no-referrer would send `Origin: null` with our own forms
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
