"""Pixels as pictures: every grey value kept, sides in proportion, and what is no image refused."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pictures

from tools.med_vlm.asked import Image
from tools.med_vlm.backends.pixels import to_pil, to_png
from tools.med_vlm.errors import ImageRefused


def grey(*shape: int) -> Image:
    return Image(np.linspace(0, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape))


def opened(png: bytes) -> Pictures.Image:
    return Pictures.open(BytesIO(png), formats=("PNG",))


def test_all_256_grey_values_survive_and_stand_in_all_three_channels() -> None:
    picture = np.asarray(opened(to_png(grey(16, 16))))
    assert picture.shape == (16, 16, 3)
    for channel in range(3):
        assert picture[..., channel].ravel().tolist() == list(range(256))


def test_rows_stay_rows_and_the_window_is_kept() -> None:
    half = np.full((2, 3), 0.5, np.float32)
    half[1, 2] = 0.75
    picture = np.asarray(to_pil(Image(half)))
    assert picture[..., 0].tolist() == [[128, 128, 128], [128, 128, 191]], "nothing is stretched to black and white"


@pytest.mark.parametrize(
    ("shape", "size"),
    [((100, 50), (50, 100)), ((2000, 1000), (512, 1024)), ((1, 4000), (1024, 1)), ((1024, 1024), (1024, 1024))],
    ids=["small: as it is", "large: in proportion", "a line keeps a pixel", "just within"],
)
def test_the_longer_side_is_bounded(shape: tuple[int, int], size: tuple[int, int]) -> None:
    assert opened(to_png(grey(*shape))).size == size


@given(rows=st.integers(1, 60), columns=st.integers(1, 60), longest=st.integers(1, 60))
def test_any_image_fits_and_none_is_enlarged(rows: int, columns: int, longest: int) -> None:
    width, height = opened(to_png(grey(rows, columns), longest)).size
    assert max(width, height) == min(longest, max(rows, columns))
    assert min(width, height) >= 1


@pytest.mark.fault(55)
@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((0, 4)),
        np.zeros((4, 4, 3)),
        np.full((2, 2), np.nan),
        np.full((2, 2), 1.01),
        np.full((2, 2), -0.01),
        np.full((2, 2), np.inf),
    ],
    ids=["empty", "colours", "NaN", "above", "below", "infinite"],
)
def test_what_is_no_radiograph_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ImageRefused):
        to_pil(Image(pixels.astype(np.float32)))
