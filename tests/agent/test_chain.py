"""The hash chain by itself: what was linked is read back, and whatever was done to a line is named with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.blobs import canonical
from agent.chain import FIRST, Break, link, read_chain

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
KEY = TEXT.filter(lambda key: key not in {"prev", "sha256"})
FIELDS = st.dictionaries(KEY, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | st.lists(TEXT, max_size=3), max_size=4)


def chained(*lines: dict[str, Any]) -> list[bytes]:
    written, prev = [], FIRST
    for fields in lines:
        line, prev = link(fields, prev)
        written.append(line)
    return written


THREE = chained({"step": "bind"}, {"step": "chart", "ms": 1.5}, {"step": "seal", "count": 2})


@given(st.lists(FIELDS, max_size=5))
def test_what_was_linked_is_read_back_in_order(lines: list[dict[str, Any]]) -> None:
    good, broken = read_chain(b"".join(chained(*lines)))
    assert broken is None
    assert [{key: value for key, value in one.items() if key not in {"prev", "sha256"}} for one in good] == lines
    assert [one["prev"] for one in good] == [FIRST, *(one["sha256"] for one in good)][: len(good)]


def test_a_line_does_not_depend_on_the_order_its_fields_were_given_in() -> None:
    assert link({"a": 1, "b": 2}, FIRST) == link({"b": 2, "a": 1}, FIRST)
    assert link({"a": 1}, FIRST)[1] != link({"a": 1}, "1" * 64)[1]


def spaced(line: bytes) -> bytes:
    """The same fields with the same hash, in another form."""
    return json.dumps(json.loads(line), sort_keys=True).encode() + b"\n"


def without_hash(line: bytes) -> bytes:
    return canonical({key: value for key, value in json.loads(line).items() if key != "sha256"}) + b"\n"


def altered(line: bytes) -> bytes:
    return canonical({**json.loads(line), "step": "study"}) + b"\n"


@pytest.mark.fault(117)
@pytest.mark.parametrize(
    ("spoil", "broken"),
    [
        (lambda lines: [*lines[:1], b"not JSON\n", lines[2]], Break(2, "is not JSON")),
        (lambda lines: [*lines[:2], lines[2][:-1]], Break(3, "does not match its hash")),
        (lambda lines: [*lines[:2], lines[2][:20]], Break(3, "is not JSON")),
        (lambda lines: [lines[0], b"[1]\n"], Break(2, "carries no hash")),
        (lambda lines: [lines[0], b"\n", *lines[1:]], Break(2, "is not JSON")),
        (lambda lines: [lines[0], without_hash(lines[1])], Break(2, "carries no hash")),
        (lambda lines: [lines[0], altered(lines[1]), lines[2]], Break(2, "does not match its hash")),
        (lambda lines: [spaced(lines[0]), *lines[1:]], Break(1, "does not match its hash")),
        (lambda lines: [lines[0], lines[2]], Break(2, "does not follow the line before it")),
        (lambda lines: [lines[0], lines[0]], Break(2, "does not follow the line before it")),
        (lambda lines: lines[1:], Break(1, "does not follow the line before it")),
        (lambda lines: [lines[0], lines[1].replace(b"1.5", b"NaN")], Break(2, "holds what canonical JSON cannot")),
    ],
)
def test_names_the_first_line_that_does_not_hold_and_keeps_those_before_it(
    spoil: Callable[[list[bytes]], list[bytes]], broken: Break
) -> None:
    good, found = read_chain(b"".join(spoil(list(THREE))))
    assert found == broken
    assert len(good) == broken.line - 1


def test_an_empty_file_is_an_empty_chain() -> None:
    assert read_chain(b"") == ((), None)
