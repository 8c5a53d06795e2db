"""The content encoding that is asked for (RFC 9110 8.4.1), undone to its end: what is cut off inside it is never taken for whole."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

from fhir.errors import SourceError, Unreachable

AT_ONCE = 256 * 1024
"""Bytes that are unpacked at a time, so that a small answer never becomes a large one before it is counted."""
_GZIP = frozenset({"gzip", "x-gzip"})


async def decoded(parts: AsyncIterator[bytes], encoding: str, *, empty: bool = False) -> AsyncIterator[bytes]:
    """The body without its content encoding: gzip (RFC 1952, all its members) or none.

    Args:
        parts: The body as it came.
        encoding: The `Content-Encoding` header, "" for none.
        empty: Whether there is no body by the rules of HTTP (HEAD, 204, 304), whatever its headers say.

    Raises:
        Unreachable: it is cut off or damaged.
        SourceError: an encoding that was not asked for.
    """
    name = encoding.strip().lower()
    if name not in _GZIP | {"", "identity"}:
        raise SourceError("the server's answer is encoded in a way that was not asked for")
    if empty or name not in _GZIP:
        async for part in parts:
            yield part
        return
    unpacking = _Gunzip()
    async for part in parts:
        for piece in unpacking.pieces(part):
            yield piece
    unpacking.require_end()


class _Gunzip:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._member.eof:
                self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            yield from self._of_member(data)
            data = self._member.unused_data

    def _of_member(self, data: bytes) -> Iterator[bytes]:
        piece = b"more"
        while not self._member.eof and (data or len(piece) == AT_ONCE):
            try:
                piece = self._member.decompress(data, AT_ONCE)
            except zlib.error:
                raise Unreachable("the server's answer cannot be unpacked") from None
            yield piece
            data = self._member.unconsumed_tail

    def require_end(self) -> None:
        if not self._member.eof:
            raise Unreachable("the server cut its answer off")
