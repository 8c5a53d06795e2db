"""NDJSON, cut into lines and checked, wherever the parts of a body end."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.bulk.lines import BadLine, Line, checked, lines_of
from fhir.bundles import Item
from fhir.jsonscan import GROUP


async def parts_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def cut(*parts: bytes, limit: int = 1 << 20) -> list[Line]:
    async def go() -> list[Line]:
        return [line async for line in lines_of(parts_of(*parts), limit)]

    return asyncio.run(go())


def look(text: bytes, resource_type: str = "Observation", limit: int = 1 << 20) -> list[Item | BadLine]:
    async def go() -> list[Item | BadLine]:
        return [found async for found in checked(lines_of(parts_of(text), limit), resource_type)]

    return asyncio.run(go())


@given(st.lists(st.binary(max_size=12)), st.lists(st.integers(0, 80), max_size=8))
def test_lines_are_those_of_the_whole_text_wherever_it_is_cut(lines: list[bytes], at: list[int]) -> None:
    text = b"\n".join(lines)
    places = sorted({0, len(text), *(place for place in at if place < len(text))})
    parts = [text[start:end] for start, end in pairwise(places)]
    expected = [Line(number, line.strip()) for number, line in enumerate(text.split(b"\n"), start=1) if line.strip()]
    assert cut(*parts) == expected


def test_the_last_line_needs_no_end_and_others_may_end_as_on_windows() -> None:
    assert cut(b"{}\r\n\r\n", b"{}") == [Line(1, b"{}"), Line(3, b"{}")]


@pytest.mark.parametrize("size", [10, 11, 5000])
def test_a_line_that_is_too_long_is_told_and_the_next_one_comes(size: int) -> None:
    text = b"x" * size + b"\n{}\n"
    for step in (1, 3, 7, len(text)):
        parts = [text[start : start + step] for start in range(0, len(text), step)]
        assert cut(*parts, limit=10) == [Line(1, text[:size] if size <= 10 else None), Line(2, b"{}")]


def test_nothing_is_held_of_a_line_that_is_too_long() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield bytes(100_000)

    async def go() -> list[Line]:
        return [line async for line in lines_of(endless(), 1_000_000)]

    tracemalloc.start()
    try:
        assert asyncio.run(go()) == [Line(1, None)]
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def observation(name: str, **more: Any) -> bytes:
    return json.dumps({"resourceType": "Observation", "id": name, "status": "final", "code": {}, **more}).encode()


GOOD = observation("good")
BAD = [
    (b'{"resourceType":"Observation","id":"a"', "bad_json"),
    (b'{"resourceType":"Observation","id":"a","subject":{},"subject":{}}', "bad_json"),
    (b'{"resourceType":"Observation","id":"a","value":NaN}', "bad_json"),
    (b'{"resourceType":"Observation","id":"\xff"}', "bad_json"),
    (b"\xef\xbb\xbf" + GOOD, "bad_json"),
    (GOOD + GOOD, "bad_json"),
    (b"[" + GOOD + b"]", "bad_json"),
    (b"<html>", "not_fhir"),
    (b"{}", "not_fhir"),
    (b'{"resourceType":"Patient","id":"a"}', "wrong_type"),
    (b'{"resourceType":"OperationOutcome","issue":[]}', "wrong_type"),
    (observation("a", triggeredBy=[{}]), "wrong_release"),
    (observation("a", note="x" * 2000), "line_too_long"),
]


@pytest.mark.std("C4")
@pytest.mark.fault(16)
@pytest.mark.parametrize(("bad", "code"), BAD, ids=[f"{code} {place}" for place, (_, code) in enumerate(BAD)])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_line_is_left_out_by_its_number_and_its_neighbours_come(bad: bytes, code: str, place: int) -> None:
    lines = [observation("one"), observation("two")]
    lines.insert(place, bad)
    found = look(b"\n".join(lines), limit=1000)
    assert found.pop(place) == BadLine(place + 1, code)
    assert [one.id for one in found if isinstance(one, Item)] == ["one", "two"]


@pytest.mark.parametrize("bad", [(), (7,), (0, 1500), (2999,)])
def test_many_lines_are_looked_at_together_and_come_out_one_by_one_in_order(bad: tuple[int, ...]) -> None:
    names = [f"o{place}" for place in range(3000)]
    lines = [b"{" if place in bad else observation(name, note=[{"text": "x" * 300}]) for place, name in enumerate(names)]
    assert len(b"\n".join(lines)) > 2 * GROUP
    found = look(b"\n".join(lines))
    assert [BadLine(place + 1, "bad_json") for place in bad] == [one for one in found if isinstance(one, BadLine)]
    assert [one.id for one in found if isinstance(one, Item)] == [name for place, name in enumerate(names) if place not in bad]


def test_what_comes_out_is_the_text_that_came() -> None:
    text = b'{"resourceType":"Observation", "id":"a", "valueQuantity":{"value":1.00}}'
    (item,) = look(b"  " + text + b"\r\n")
    assert isinstance(item, Item)
    assert item.raw == text


def test_a_file_without_a_line_gives_nothing() -> None:
    assert look(b"") == look(b"\n \n") == []
