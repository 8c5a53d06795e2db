"""A mean by hand, and an interval that is wide where few persons speak."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.intervals import NOTHING, mean_by_person


def test_the_mean_is_over_queries_and_counts_persons_once() -> None:
    figure = mean_by_person([1, 0, 0, 1, None], ["a", "a", "b", "c", "d"])
    assert figure.value == 0.5
    assert (figure.queries, figure.persons) == (4, 3)


def test_where_nothing_was_measured_there_is_no_figure() -> None:
    assert mean_by_person([None, None], ["a", "b"]) == mean_by_person([], []) == NOTHING


def test_an_interval_is_the_same_each_time_and_another_with_another_seed() -> None:
    values, persons = np.random.default_rng(0).random(50).tolist(), list(range(50))
    assert mean_by_person(values, persons) == mean_by_person(values, persons)
    assert mean_by_person(values, persons) != mean_by_person(values, persons, seed=1)


def test_queries_of_one_person_do_not_make_the_interval_narrow() -> None:
    """Ten persons of ten alike queries each know as little as ten queries."""
    values = np.random.default_rng(0).random(10)
    apart = mean_by_person(values.tolist(), range(10))
    alike = mean_by_person(values.repeat(10).tolist(), np.arange(10).repeat(10).tolist())
    assert (alike.low, alike.high) == pytest.approx((apart.low, apart.high))


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    held = 0
    for seed in range(300):
        figure = mean_by_person((random.random(60) < 0.7).astype(float).tolist(), range(60), seed=seed, rounds=400)
        held += (figure.low or 0) <= 0.7 <= (figure.high or 0)
    assert 0.9 <= held / 300 <= 0.985


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4)), min_size=1, max_size=30))
def test_the_interval_lies_between_the_least_and_the_greatest_value(rows: list[tuple[float, int]]) -> None:
    values = [value for value, _ in rows]
    figure = mean_by_person(values, [person for _, person in rows], rounds=50)
    assert figure.value is not None
    assert figure.low is not None
    assert figure.high is not None
    assert min(values) - 1e-9 <= figure.low <= figure.high <= max(values) + 1e-9
    assert figure.value == pytest.approx(np.mean(values))
