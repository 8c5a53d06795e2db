"""Unpacking a file that a server keeps as `.ndjson.gz` and sends as it lies there, without saying `Content-Encoding`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fhir.errors import SourceError
from fhir.wire.encoding import decoded

_MAGIC = b"\x1f\x8b"


async def inflated(parts: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """The body as it is, or unpacked when it begins as a gzip file (RFC 1952) does; NDJSON begins with a brace.

    Raises:
        Unreachable: the gzip file is cut off or damaged.
        SourceError: it unpacks to more than `limit` bytes.
    """
    head = b""
    async for part in parts:
        head += part
        if len(head) >= len(_MAGIC):
            break
    whole = _with_head(head, parts)
    if not head.startswith(_MAGIC):
        async for part in whole:
            yield part
        return
    given = 0
    async for part in decoded(whole, "gzip"):
        given += len(part)
        if given > limit:
            raise SourceError("the file unpacks to more than allowed")
        yield part


async def _with_head(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if head:
        yield head
    async for part in rest:
        yield part
