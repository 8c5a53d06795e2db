"""What is looked at before any route: whether a change is asked from our own page, whether a body is JSON, how large it is.

CSRF (OWASP): `Sec-Fetch-Site` cannot be set by a page, nor can `Origin`; what has neither is no browser of today, and needs the handle.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sidenote.web.errors import BodySlow, BodyTooLarge, CrossSite, NotJson

LARGEST = 64 * 1024
"""Bytes of a body."""
PATIENCE = 10.0
"""Seconds in which a body has to come."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware. It reads a body whole, within its limits, and hands it on in one piece."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        """Around `app`, which browsers see under `public_url`."""
        self._app = app
        parts = urlsplit(public_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in.

        Raises:
            WebError: CrossSite, NotJson, BodyTooLarge, BodySlow.
        """
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if scope["method"] not in _READS:
                self._require_own_page(headers)
            if _has_body(headers):
                receive = await _whole(receive, headers)
        await self._app(scope, receive, send)

    def _require_own_page(self, headers: Headers) -> None:
        site = headers.get("sec-fetch-site")
        ours = headers.get("origin") in (None, self._origin) if site is None else site in ("same-origin", "none")
        if not ours:
            raise CrossSite("a page of another site asked for a change")


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def _whole(receive: Receive, headers: Headers) -> Receive:
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise NotJson("a body must be application/json")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > LARGEST:
        raise BodyTooLarge(f"a body holds at most {LARGEST} bytes")
    try:
        async with asyncio.timeout(PATIENCE):
            body = await _read(receive)
    except TimeoutError:
        raise BodySlow("the body did not come in time") from None
    return _replayed(body, receive)


async def _read(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body", False))
        if len(body) > LARGEST:
            raise BodyTooLarge(f"a body holds at most {LARGEST} bytes")
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once, then whatever else comes, such as that the client has gone."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
