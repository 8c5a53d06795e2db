"""What two cases share, and how good a ranking is: by hand, and bounded whatever comes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.measures.relevance import FindingSets, discounted, ndcg


def test_shared_findings_are_counted_over_all_findings_of_the_two() -> None:
    sets = FindingSets(("effusion", "edema,effusion", "nodule", ""))
    assert sets.shared_with(0).tolist() == [1, 0.5, 0, 0]
    assert sets.shared_with(1).tolist() == [0.5, 1, 0, 0]


def test_of_a_case_without_findings_only_another_without_is_alike() -> None:
    assert FindingSets(("effusion", "")).shared_with(1).tolist() == [0, 1]


def test_sets_without_any_finding_are_all_alike() -> None:
    assert FindingSets(("", "")).shared_with(0).tolist() == [1, 1]


def test_the_gain_of_a_rank_falls_with_the_logarithm_of_its_number() -> None:
    assert discounted([1, 0.5, 1]) == pytest.approx(1 + 0.5 / math.log2(3) + 1 / 2)


def test_a_ranking_is_measured_against_the_best_there_was() -> None:
    """Shown 0.5 then 0; the best two there are 1 and 0.5."""
    assert ndcg([0.5, 0, 1], [0, 1, 0.5], 2) == pytest.approx(0.5 / (1 + 0.5 / math.log2(3)))


def test_where_nothing_could_be_gained_nothing_is_measured() -> None:
    assert ndcg([0, 0], [0, 0], 5) is None


relevances = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(relevances, st.integers(1, 10))
def test_no_order_gains_more_than_the_best_and_the_best_gains_all(values: list[float], first: int) -> None:
    gained = ndcg(values, values, first)
    assert gained is None or 0 <= gained <= 1 + 1e-9
    best = ndcg(sorted(values, reverse=True), values, first)
    assert best is None or best == pytest.approx(1)


@given(st.lists(st.frozensets(st.sampled_from("abcd")), min_size=1, max_size=8))
def test_what_two_share_is_the_same_from_either_side(sets: list[frozenset[str]]) -> None:
    made = FindingSets(tuple(",".join(sorted(one)) for one in sets))
    table = np.array([made.shared_with(number) for number in range(len(sets))])
    assert np.array_equal(table, table.T)
    assert (np.diag(table) == 1).all()
