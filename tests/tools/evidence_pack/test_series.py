"""A long series costs few tokens: its turning points."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.evidence_pack.series import Point, turning_points


def newest(*values: object, unit: str = "mg/dL") -> list[Point]:
    return [(None if value is None else Decimal(str(value)), unit) for value in values]


@pytest.mark.parametrize(
    ("series", "positions"),
    [
        ([], []),
        (newest(1), [0]),
        (newest(1, 1), [0, 1]),
        (newest(5, 4, 4, 9, 3, 3, 3), [0, 3, 4, 6]),
        (newest(2, 2, 2, 2, 2), [0, 1, 4]),
        (newest(1, 2, 3, 4, 5, 6), [0, 1, 5]),
        (newest(None, None, None, None), [0, 3]),
        ([*newest(1, 2, 1), *newest(88, 89, 90, 88, unit="umol/L")], [0, 1, 2, 3, 5, 6]),
        ([*newest(None, 1, 1, 1, 8)], [0, 1, 3, 4]),
    ],
    ids=["none", "one", "two", "a jump", "flat", "rising", "no numbers", "two units", "an answer without a number among numbers"],
)
def test_first_last_lowest_highest_and_the_largest_change_stay(series: list[Point], positions: list[int]) -> None:
    assert sorted(turning_points(series)) == positions


@given(st.lists(st.integers(-100, 100), min_size=1, max_size=60))
def test_at_most_six_points_tell_a_series_and_its_ends_and_extremes_are_among_them(values: list[int]) -> None:
    positions = turning_points(newest(*values))
    assert len(positions) <= 6
    assert {0, len(values) - 1} <= positions
    assert {min(values), max(values)} <= {values[position] for position in positions}
    steps = [abs(one - other) for one, other in pairwise(values)]
    if len(values) > 2:
        assert any({at, at + 1} <= positions for at, step in enumerate(steps) if step == max(steps))
