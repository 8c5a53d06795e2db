"""A course as a drawing: within its frame, in order, and more is higher."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sandbox.chart.ranges import Range
from sandbox.chart.sparkline import HEIGHT, WIDTH, sparkline

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def course(*values: float) -> list[tuple[datetime, float]]:
    return [(NOW + timedelta(days=day), value) for day, value in enumerate(values)]


def test_one_value_is_no_course() -> None:
    assert sparkline(course(4), None) is None
    assert sparkline([], None) is None


def test_the_band_lies_where_the_range_does() -> None:
    drawn = sparkline(course(2, 4, 8), Range(Decimal(3), Decimal(5), "", "usual for adults"))
    assert drawn is not None
    assert drawn.band is not None
    top, height = drawn.band
    inside = [top <= y <= top + height for _, y in drawn.dots]
    assert inside == [False, True, False]
    assert drawn.path.count(",") == 3


def test_a_range_that_is_far_away_does_not_flatten_the_course() -> None:
    drawn = sparkline(course(100, 101), Range(Decimal(1), Decimal(2), "", "usual for adults"))
    assert drawn is not None
    assert abs(drawn.dots[0][1] - drawn.dots[1][1]) > HEIGHT / 2
    assert drawn.band is None


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20), st.floats(-1e6, 1e6), st.floats(0.1, 1e6))
def test_every_point_lies_in_the_frame_and_more_is_never_lower(values: list[float], low: float, width: float) -> None:
    drawn = sparkline(course(*values), Range(Decimal(low), Decimal(low + width), "", "usual for adults"))
    assert drawn is not None
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in drawn.dots)
    assert all(before[0] <= after[0] for before, after in pairwise(drawn.dots))
    highest = min(y for _, y in drawn.dots)
    assert drawn.dots[values.index(max(values))][1] == highest
