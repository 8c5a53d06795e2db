"""What limits an image is measured; an ordinary radiograph has nothing to be said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pictures

from tools.med_vlm.asking.quality import quality, unreadable
from tools.med_vlm.compact.examples.example import TrainingExample

F32 = NDArray[np.float32]


def ramp(rows: int = 512, columns: int = 512, low: float = 0.0, high: float = 1.0) -> F32:
    return np.tile(np.linspace(low, high, columns, dtype=np.float32), (rows, 1)).clip(0, 1)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (ramp(), ()),
        (ramp(399, 600), ("The image has 600 x 399 pixels only; small findings may not be visible.",)),
        (ramp(low=0.4, high=0.5), ("The image has little contrast.",)),
        (ramp(low=0.0, high=1.5), ("33% of the image is clipped to white.",)),
        (ramp(low=-2, high=1), ("67% of the image is clipped to black.",)),
        (ramp(low=-0.5, high=1), ()),
    ],
    ids=["ordinary", "small", "flat", "white", "black", "a dark margin"],
)
def test_what_limits_an_image_is_said_with_its_figure(pixels: F32, said: tuple[str, ...]) -> None:
    assert quality(pixels) == said


def test_phantoms_are_small_and_else_ordinary(phantoms: tuple[TrainingExample, ...]) -> None:
    for example in phantoms[:12]:
        (said,) = quality(example.image)
        assert said == "The image has 256 x 256 pixels only; small findings may not be visible."


def test_radiographs_as_they_are_published_are_ordinary(kit: Path) -> None:
    images = sorted((kit / "images" / "hannover_covid").glob("*.jpg"))[:12]
    assert images
    for path in images:
        with Pictures.open(path) as picture:
            pixels: F32 = (np.asarray(picture.convert("L"), dtype=np.float32) / 255).astype(np.float32)
            assert quality(pixels) == ()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((3, 90, 90), np.float32),
        np.zeros((90,), np.float32),
        np.zeros((0, 90), np.float32),
        ramp(15, 90),
        np.full((90, 90), np.nan, np.float32),
        ramp() * 2,
        ramp() - 0.5,
        np.ones((90, 90), np.float32),
        np.ones((90, 90), np.uint8),
    ],
    ids=["three axes", "one axis", "empty", "few rows", "NaN", "above one", "below zero", "constant", "whole numbers"],
)
def test_what_is_no_image_is_told_apart(pixels: F32) -> None:
    assert unreadable(pixels)
    assert unreadable(ramp()) == ""
