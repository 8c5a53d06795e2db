"""Endless repetition is seen, and a report is not taken for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.phantoms.sample import corpus
from tools.med_vlm.backends.served.repetition import LOOKED_AT, TIMES, repeats

pytestmark = pytest.mark.fault(62)


@given(st.text(min_size=1, max_size=LOOKED_AT // TIMES), st.text(max_size=60))
def test_any_piece_said_over_and_over_is_seen_whatever_came_before(piece: str, before: str) -> None:
    assert repeats(before + piece * (LOOKED_AT // len(piece) + 1))


@given(st.text(min_size=1, max_size=20))
def test_a_short_text_is_not_looked_at(piece: str) -> None:
    assert not repeats((piece * LOOKED_AT)[: LOOKED_AT - 1])


def test_reports_are_not_repetition() -> None:
    texts = [" ".join((*case.report.findings, *case.report.impression)) for case in corpus(range(12), size=64)]
    listed = "\n".join(f'{{"sentence": "No finding in zone {number}.", "boxes": []}}' for number in range(40))
    assert not any(map(repeats, [" ".join(texts), listed]))


def test_an_end_that_repeats_fewer_times_is_none() -> None:
    piece = "".join(chr(97 + number % 26) for number in range(LOOKED_AT // TIMES + 3)) + "#"
    assert not repeats(piece * TIMES)
