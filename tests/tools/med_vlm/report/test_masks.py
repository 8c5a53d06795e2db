"""Masks keep their pixels on the way to run lengths and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tools.med_vlm.formats.document import mask as checked
from tools.med_vlm.reading import Mask
from tools.med_vlm.report.masks import decoded, encoded, share, united

PIXELS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))


@given(PIXELS)
def test_run_lengths_give_back_the_pixels(pixels: NDArray[np.bool_]) -> None:
    made = encoded(pixels)
    assert np.array_equal(decoded(made), pixels)
    assert checked(made.rows, made.columns, made.runs) == made
    assert share(made) == pixels.mean()


@given(st.integers(1, 6).flatmap(lambda rows: st.lists(hnp.arrays(np.bool_, (rows, 5)), min_size=1, max_size=4)))
def test_masks_together_cover_what_any_of_them_covers(pixels: list[NDArray[np.bool_]]) -> None:
    together = united([encoded(one) for one in pixels])
    assert together is not None
    assert np.array_equal(decoded(together), np.any(pixels, axis=0))


def test_masks_of_another_size_are_left_out_and_none_is_none() -> None:
    one, other = Mask(rows=1, columns=2, runs=(1, 1)), Mask(rows=2, columns=2, runs=(0, 4))
    assert united([one, other]) == one
    assert united([]) is None
