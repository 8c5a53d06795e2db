"""From the index's images to pictures."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.encoders.pictures import picture
from retrieval.errors import BadCase


def test_a_grey_image_becomes_an_8_bit_rgb_picture_of_the_same_size() -> None:
    image = np.array([[0, 0.5, 1], [0.25, 0.75, 1]], dtype=np.float32)
    made = picture(image)
    assert (made.mode, made.size) == ("RGB", (3, 2))
    assert np.asarray(made)[..., 0].tolist() == np.asarray(made)[..., 2].tolist() == [[0, 128, 255], [64, 191, 255]]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros(4, np.float32), "image is not two-dimensional"),
        (np.zeros((4, 0), np.float32), "image is not two-dimensional"),
        (np.array([[0, np.nan]], np.float32), "image holds values that are not finite"),
        (np.array([[0, -np.inf]], np.float32), "image holds values that are not finite"),
        (np.array([[0, 1.5]], np.float32), "image values leave 0..1"),
        (np.array([[-0.5, 1]], np.float32), "image values leave 0..1"),
    ],
)
def test_what_is_no_picture_is_refused_by_a_fixed_phrase(image: np.ndarray, reason: str) -> None:
    with pytest.raises(BadCase) as refused:
        picture(image)
    assert refused.value.reason == reason
