"""Server-sent events, whatever the pieces they come in."""

from __future__ import annotations

import time
from itertools import pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.backends.served.events import events

STREAM = b': hello\r\ndata: {"a": 1}\r\n\r\nevent: x\ndata:two\ndata:  lines\n\nid: 7\rdata: \xc3\xa9\xff\r\rdata\n\ndata: cut'
DATA = ['{"a": 1}', "two\n lines", "é�"]


def test_comments_other_fields_and_what_is_cut_off_are_no_data() -> None:
    assert list(events([STREAM])) == DATA


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_any_cut_into_pieces_gives_the_same_events(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    assert list(events(STREAM[begin:end] for begin, end in pairwise(places))) == DATA


@given(st.lists(st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), min_size=1), max_size=8))
def test_any_text_without_line_ends_comes_back(texts: list[str]) -> None:
    assert list(events(f"data: {text}\n\n".encode() for text in texts)) == texts


@pytest.mark.fault(62)
def test_a_line_without_end_takes_time_in_proportion_to_its_length() -> None:
    began = time.process_time()
    assert list(events(repeat(b"x", 200_000))) == []
    assert time.process_time() - began < 2
