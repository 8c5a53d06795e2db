"""From the index's images to the pictures that published image models were made for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.errors import BadCase


def picture(image: NDArray[np.float32]) -> Image.Image:
    """An image [rows, columns] in 0..1 as an 8-bit RGB picture, the grey thrice: what CLIP and its kin were trained on.

    Raises:
        BadCase: for an image that is not two-dimensional, is empty, or holds values that are not finite or leave 0..1.
    """
    if image.ndim != 2 or image.size == 0:
        raise BadCase("image is not two-dimensional")
    low, high = float(image.min()), float(image.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise BadCase("image holds values that are not finite")
    if low < 0 or high > 1:
        raise BadCase("image values leave 0..1")
    return Image.fromarray(np.rint(image * 255).astype(np.uint8)).convert("RGB")
