"""What is packed is unpacked to its end, bounded, or refused."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.errors import SourceError, Unreachable
from fhir.wire.encoding import AT_ONCE, decoded

PLAIN = b'{"resourceType": "Patient", "id": "p1"}\n' * 7
PACKED = gzip.compress(PLAIN, mtime=0)


def undone(parts: list[bytes], encoding: str = "gzip", *, empty: bool = False) -> list[bytes]:
    async def came() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    async def run() -> list[bytes]:
        return [piece async for piece in decoded(came(), encoding, empty=empty)]

    return asyncio.run(run())


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_what_is_not_packed_passes(encoding: str) -> None:
    assert undone([b"a", b"b"], encoding) == [b"a", b"b"]


@given(st.binary(max_size=2000), st.binary(max_size=2000), st.integers(1, 400))
def test_gzip_is_unpacked_however_it_is_sliced_and_in_all_its_members(one: bytes, two: bytes, size: int) -> None:
    packed = gzip.compress(one) + gzip.compress(two)
    slices = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert b"".join(undone(slices, "X-GZip")) == one + two


@pytest.mark.fault(3)
@pytest.mark.parametrize("size", [1, 1000])
def test_gzip_that_is_cut_at_any_byte_is_refused(size: int) -> None:
    for end in range(len(PACKED)):
        with pytest.raises(Unreachable):
            undone([PACKED[start : min(start + size, end)] for start in range(0, end, size)])
    for end in range(1, len(PACKED)):
        with pytest.raises(Unreachable):
            undone([PACKED + PACKED[:end]])


@pytest.mark.fault(3)
def test_a_turned_byte_is_found_or_changes_nothing() -> None:
    found = 0
    for position in range(len(PACKED)):
        turned = PACKED[:position] + bytes([PACKED[position] ^ 0xFF]) + PACKED[position + 1 :]
        try:
            assert b"".join(undone([turned])) == PLAIN
        except Unreachable:
            found += 1
    assert found >= len(PACKED) - 6, "of the head, the time, the level and the system mean nothing"


@pytest.mark.parametrize("encoding", ["br", "deflate", "compress", "gzip, gzip", "aws-chunked", "gzip;q=1"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(SourceError, match="not asked for"):
        undone([zlib.compress(PLAIN)], encoding)


def test_where_http_has_no_body_a_named_encoding_means_nothing() -> None:
    assert undone([], "gzip", empty=True) == []
    with pytest.raises(Unreachable):
        undone([], "gzip")


@pytest.mark.fault(3)
def test_a_bomb_comes_out_in_small_pieces() -> None:
    size = 64 * 1024 * 1024
    bomb = gzip.compress(bytes(size), 9)

    async def came() -> AsyncIterator[bytes]:
        yield bomb

    async def run() -> int:
        total = 0
        async for piece in decoded(came(), "gzip"):
            assert len(piece) <= AT_ONCE
            total += len(piece)
        return total

    tracemalloc.start()
    assert asyncio.run(run()) == size
    assert tracemalloc.get_traced_memory()[1] < 8 * AT_ONCE
    tracemalloc.stop()
