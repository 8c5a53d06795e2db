"""The statistics of the benchmarks: medians, ratios, goals."""

from __future__ import annotations

from statistics import StatisticsError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.rows import Figure, Goal, Row

COST = st.floats(0.001, 1e6)


def row(ours: float, theirs: float | None = None, goal: Goal | None = None) -> Row:
    peer = None if theirs is None else Figure((theirs,), "ms")
    return Row("a cost", Figure((ours,), "ms"), "a peer", peer, goal)


@pytest.mark.parametrize(("samples", "median"), [((3.0,), 3.0), ((9.0, 1.0, 2.0), 2.0), ((4.0, 1.0, 2.0, 9.0), 3.0)])
def test_the_median_is_the_middle_sample(samples: tuple[float, ...], median: float) -> None:
    assert Figure(samples, "ms").median == median


def test_a_figure_of_nothing_has_no_median() -> None:
    with pytest.raises(StatisticsError):
        _ = Figure((), "ms").median


@given(COST, COST)
def test_the_ratio_is_the_figure_over_the_peers(ours: float, theirs: float) -> None:
    assert row(ours, theirs).ratio == pytest.approx(ours / theirs)


def test_the_ratio_is_that_of_the_medians_and_not_of_the_means() -> None:
    ours, theirs = Figure((1.0, 2.0, 90.0), "ms"), Figure((4.0, 4.0, 400.0), "ms")
    assert Row("a cost", ours, "a peer", theirs).ratio == 0.5


@pytest.mark.parametrize(("ours", "theirs", "limit", "reached"), [(1, 40, 1 / 40, 1.0), (1, 80, 1 / 40, 0.5), (3, 40, 1 / 40, 3.0)])
def test_a_goal_on_the_ratio_is_reached_by_share_of_its_limit(ours: float, theirs: float, limit: float, reached: float) -> None:
    assert row(ours, theirs, Goal("1", "faster", limit)).reached == pytest.approx(reached)


def test_a_goal_on_the_figure_does_not_look_at_the_peer() -> None:
    assert row(250, 1, Goal("x", "short", 500, "figure")).reached == 0.5


def test_without_a_goal_nothing_is_reached_or_missed() -> None:
    assert row(1, 2).reached is None
    assert row(1).ratio is None


def test_refuses_to_compare_milliseconds_with_kilobytes() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        Row("a cost", Figure((1.0,), "ms"), "a peer", Figure((1.0,), "kB"))


def test_refuses_a_peer_that_costs_nothing() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        row(1, 0)


def test_refuses_a_goal_on_a_ratio_without_a_peer() -> None:
    with pytest.raises(ValueError, match="needs a peer"):
        row(1, None, Goal("1", "faster", 0.5))
