"""A multipart/related answer (RFC 2387; DICOM PS3.18, 8.6.1.2)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from starlette.responses import Response


def multipart(type_: str, parts: Iterable[bytes], part_type: str = "") -> Response:
    """One part a body, in the order given; `part_type` is what each says of itself where that is more than `type_`."""
    bodies = tuple(parts)
    boundary = secrets.token_hex(16)
    while any(boundary.encode() in body for body in bodies):
        boundary = secrets.token_hex(16)
    opening = f"\r\n--{boundary}\r\nContent-Type: {part_type or type_}\r\n\r\n".encode()
    content = b"".join(opening + body for body in bodies) + f"\r\n--{boundary}--\r\n".encode()
    return Response(
        content, headers={"Content-Type": f'multipart/related; type="{type_}"; boundary={boundary}', "Cache-Control": "no-store"}
    )
