"""Scripts of other origins: which endpoints they may ask, and what they may send and read (Fetch standard, CORS protocol)."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

ASKED = ("GET", "POST", "PUT", "DELETE", "HEAD")
SENT = ("Accept", "Authorization", "Content-Type", "If-Match", "If-Modified-Since", "If-None-Exist", "If-None-Match", "Prefer")
READ = ("Content-Location", "ETag", "Last-Modified", "Location", "Retry-After", "Warning", "WWW-Authenticate", "X-Progress")
_ENDPOINTS = ("/fhir", "/dicomweb", "/auth/token", "/auth/introspect", "/auth/revoke", "/auth/jwks", "/auth/smart-style.json")
_MINUTES = 600


class CrossOrigin:
    """Lets origins in at the endpoints. The pages a person sees are none: no script of another origin may read them (RFC 9700, 2.6)."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        """Wrap `app`; without `origins` nobody is let in."""
        self.app = app
        self.open = CORSMiddleware(
            app, allow_origins=origins, allow_methods=ASKED, allow_headers=SENT, expose_headers=READ, max_age=_MINUTES
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or mark the answer as one that the origin may read."""
        endpoint = any(scope.get("path") == each or scope.get("path", "").startswith(f"{each}/") for each in _ENDPOINTS)
        await (self.open if endpoint else self.app)(scope, receive, send)
