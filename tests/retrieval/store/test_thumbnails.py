"""The small picture of a case."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from retrieval.store import THUMBNAIL_PX, thumbnail


@pytest.mark.parametrize("shape", [(512, 512), (700, 300), (40, 60)])
def test_a_thumbnail_is_a_small_grey_png(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    picture = Image.open(io.BytesIO(thumbnail(image)))
    assert (picture.format, picture.mode) == ("PNG", "L")
    assert max(picture.size) <= THUMBNAIL_PX
    assert abs(picture.width / picture.height - shape[1] / shape[0]) < 0.05


def test_a_thumbnail_shows_the_image_and_carries_nothing_else() -> None:
    image = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    picture = Image.open(io.BytesIO(thumbnail(image)))
    assert np.abs(np.asarray(picture) / 255 - image).max() < 0.01
    assert picture.info == {}
