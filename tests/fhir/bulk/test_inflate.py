"""Files that a server keeps packed and sends as they lie there."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from fhir.bulk.inflate import inflated
from fhir.errors import RecordError, SourceError, Unreachable

TEXT = b'{"resourceType":"Patient"}\n' * 1000


async def parts_of(text: bytes, step: int) -> AsyncIterator[bytes]:
    for start in range(0, len(text), step):
        yield text[start : start + step]


def unpack(text: bytes, step: int = 1000, limit: int = 1 << 20) -> bytes:
    async def go() -> bytes:
        return b"".join([part async for part in inflated(parts_of(text, step), limit)])

    return asyncio.run(go())


@pytest.mark.std("C4")
@pytest.mark.parametrize("step", [1, 2, 7, 100_000])
@pytest.mark.parametrize("text", [b"", b"{", TEXT[:500], gzip.compress(TEXT), gzip.compress(TEXT[:27]) + gzip.compress(TEXT[27:])], ids=len)
def test_a_gzip_file_is_unpacked_and_anything_else_left_as_it_is(text: bytes, step: int) -> None:
    assert unpack(text, step) == (TEXT if text.startswith(b"\x1f\x8b") else text)


@pytest.mark.parametrize("text", [gzip.compress(TEXT)[:-9], gzip.compress(TEXT)[:2], b"\x1f\x8b" + bytes(100)], ids=len)
def test_a_gzip_file_that_is_cut_off_or_damaged_may_be_asked_for_again(text: bytes) -> None:
    with pytest.raises(Unreachable):
        unpack(text)


def test_a_changed_byte_is_found_by_the_checksum() -> None:
    packed = bytearray(gzip.compress(TEXT, 0))
    packed[500] ^= 1
    with pytest.raises(Unreachable):
        unpack(bytes(packed))


@pytest.mark.fault(54)
def test_a_bomb_is_refused_at_the_limit_and_never_held_whole() -> None:
    bomb = gzip.compress(bytes(200_000_000), 1)

    async def go() -> None:
        async for _ in inflated(parts_of(bomb, 1 << 20), 50_000_000):
            pass

    tracemalloc.start()
    try:
        with pytest.raises(SourceError) as caught:
            asyncio.run(go())
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert isinstance(caught.value, RecordError)
    assert not caught.value.retryable
