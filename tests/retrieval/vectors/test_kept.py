"""What a filter keeps, less what one query drops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.vectors import Kept
from retrieval.vectors.kept import places

ROWS = st.sets(st.integers(0, 30)).map(lambda rows: np.array(sorted(rows), dtype=np.int64))


@given(base=st.none() | ROWS, dropped=ROWS)
def test_the_count_and_the_mask_agree(base: np.ndarray | None, dropped: np.ndarray) -> None:
    kept = Kept(base, "a filter", dropped)
    expected = set(range(31) if base is None else base.tolist()) - set(dropped.tolist())
    assert set(np.flatnonzero(kept.mask(31)).tolist()) == expected
    assert kept.count(31) == len(expected)


@given(rows=ROWS, among=ROWS)
def test_places_are_where_rows_stand_among_others(rows: np.ndarray, among: np.ndarray) -> None:
    assert among[places(rows, among)].tolist() == sorted(set(rows.tolist()) & set(among.tolist()))


@pytest.mark.parametrize("base", [None, np.array([4, 8])])
def test_nothing_dropped_leaves_all(base: np.ndarray | None) -> None:
    assert Kept(base, None, np.zeros(0, np.int64)).count(10) == (10 if base is None else 2)
