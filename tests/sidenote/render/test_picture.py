"""An image is fitted into a page without changing what is black and what is white."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.review import Review
from sidenote.render.picture import LONGEST_SIDE, fitted, fitted_size, places


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_no_side_is_longer_than_a_page_takes_and_none_is_lost(rows: int, columns: int) -> None:
    height, width = fitted_size(rows, columns)
    assert 1 <= height <= min(rows, LONGEST_SIDE)
    assert 1 <= width <= min(columns, LONGEST_SIDE)
    assert max(height, width) == min(max(rows, columns), LONGEST_SIDE)


@pytest.mark.parametrize("shape", [(40, 60), (1024, 1024), (1500, 2048)])
def test_pixels_have_the_told_size_and_stay_within_black_and_white(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 2, shape).astype(np.float32)
    small = fitted(pixels)
    assert small.shape == fitted_size(*shape)
    assert small.dtype == np.dtype(np.float32)
    assert (float(small.min()) >= 0, float(small.max()) <= 1) == (True, True)
    assert abs(float(small.mean()) - float(pixels.mean())) < 0.01


def test_a_small_image_is_not_touched() -> None:
    pixels = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    assert np.array_equal(fitted(pixels), pixels)


def test_findings_of_the_same_place_share_it_and_absent_ones_have_none(review: Review) -> None:
    first = review.evidence[0]
    same = first.model_copy(update={"id": "E8", "finding": "tension_pneumothorax"})
    absent = first.model_copy(update={"id": "E9", "polarity": "absent"})
    (place,) = places(review.model_copy(update={"evidence": (first, same, absent)}))
    assert [item.id for item in place.items] == ["E1", "E8"]
