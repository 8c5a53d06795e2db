"""The one path from any image to what the network sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tools.med_vlm.compact.preprocess import Frame, normalise, pad_square, prepare, prepare_mask, problem


def _picture(rows: int, columns: int) -> NDArray[np.float32]:
    return np.random.default_rng(rows * 1000 + columns).random((rows, columns), dtype=np.float32)


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (64, 300), (513, 200), (90, 91)])
def test_any_shape_becomes_a_square_in_range(rows: int, columns: int) -> None:
    made = prepare(_picture(rows, columns), 96)
    assert made.shape == (1, 96, 96)
    assert float(made.min()) == 0
    assert float(made.max()) == 1


def test_exposure_and_window_make_no_difference() -> None:
    image = _picture(120, 120)
    assert torch.allclose(prepare(image, 64), prepare((image * 0.3 + 0.5).astype(np.float32), 64), atol=1.01 / 255)


def test_values_are_those_an_8_bit_store_keeps() -> None:
    made = prepare(_picture(100, 140), 64) * 255
    assert torch.allclose(made, made.round(), atol=1e-4)


def test_padding_is_air_and_the_image_lies_in_the_middle() -> None:
    square = pad_square(torch.ones(2, 6))
    assert square.shape == (6, 6)
    assert square[2:4].eq(1).all()
    assert square.sum() == 12


def test_normalising_twice_changes_little() -> None:
    once = normalise(torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(1)))
    assert torch.allclose(normalise(once), once, atol=0.02)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((63, 200), np.float32), "under 64"),
        (_picture(64, 64 * 9), "eight times"),
        (np.full((80, 80), 0.4, np.float32), "constant"),
        (_picture(80, 80) * 255, "outside 0..1"),
        (np.where(_picture(80, 80) > 0.99, np.nan, 0.5).astype(np.float32), "finite"),
        ((_picture(80, 80) * 255).astype(np.uint8), "finite numbers"),
        (_picture(80, 80)[None], "two-dimensional"),
        (_picture(80, 80), ""),
    ],
)
def test_says_what_is_wrong_with_an_array(image: NDArray[np.float32], said: str) -> None:
    found = problem(image)
    assert said in found
    assert bool(said) == bool(found)


@settings(max_examples=60, deadline=None)
@given(st.integers(64, 900), st.integers(64, 900), st.floats(0, 1), st.floats(0, 1))
def test_a_point_of_the_image_comes_back_from_the_square(rows: int, columns: int, x: float, y: float) -> None:
    frame = Frame(rows, columns)
    square = ((x * columns + frame.left) / frame.side, (y * rows + frame.top) / frame.side)
    assert frame.to_image(*square) == pytest.approx((x, y), abs=1e-9)


def test_a_mask_keeps_its_place_and_even_one_pixel_of_it_stays() -> None:
    mask = np.zeros((200, 100), dtype=np.bool_)
    mask[150, 20] = True
    covered = prepare_mask(mask, 48, Frame(200, 100))
    row, column = np.unravel_index(int(covered.argmax()), covered.shape)
    assert covered.max() > 0
    assert (row, column) == (int(150.5 / 200 * 48), int((20.5 + 50) / 200 * 48))
