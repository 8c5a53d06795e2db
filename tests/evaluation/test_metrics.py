"""Each measure by hand, and what holds whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import first_hit, found_within, median_rank, precision


@pytest.mark.parametrize(
    ("relevances", "first", "share"),
    [([1, 0.5, 0, 1, 0, 1], 5, 0.6), ([0, 0], 5, 0), ([0.1], 5, 1), ([1, 0, 0, 0], 1, 1), ([], 5, None)],
)
def test_precision_is_the_share_of_the_shown_that_have_something_in_common(
    relevances: list[float], first: int, share: float | None
) -> None:
    assert precision(relevances, first) == share


@pytest.mark.parametrize(("hits", "rank"), [([False, False, True, True], 3), ([True], 1), ([False], None), ([], None)])
def test_the_first_hit_is_counted_from_one(hits: list[bool], rank: int | None) -> None:
    assert first_hit(hits) == rank


@pytest.mark.parametrize(("rank", "first", "found"), [(3, 5, 1), (5, 5, 1), (6, 5, 0), (None, 5, 0)])
def test_an_item_is_found_within_its_rank(rank: int | None, first: int, found: float) -> None:
    assert found_within(rank, first) == found


def test_the_median_counts_what_was_never_found_as_last() -> None:
    assert median_rank([1, 4, None], 101) == 4
    assert median_rank([1, None], 101) == 51
    assert median_rank([], 101) is None


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 30))
def test_what_is_found_within_a_rank_is_found_within_any_later_one(hits: list[bool], first: int) -> None:
    rank = first_hit(hits)
    assert found_within(rank, first) <= found_within(rank, first + 1)
    assert found_within(rank, first) == float(any(hits[:first]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(1, 10))
def test_precision_is_a_share(relevances: list[float], first: int) -> None:
    share = precision(relevances, first)
    assert share is not None
    assert 0 <= share <= 1
