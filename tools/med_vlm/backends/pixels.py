"""From an image as it is asked about to the pictures that published models and servers take: 8 bits, RGB, window kept as it is."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image as Pictures

from tools.med_vlm.asked import Image
from tools.med_vlm.errors import ImageRefused

LONGEST = 1024
"""Pixels of the longest side that are sent to a server: no published model looks at more than 896 at once."""
_COMPRESSION = 1
"""Of zlib: level 6 takes four times as long on a radiograph's noise and saves a tenth."""


def to_pil(image: Image) -> Pictures.Image:
    """The image as an 8-bit RGB picture, the grey thrice: some processors take no grey.

    Raises:
        ImageRefused: the pixels are not two-dimensional, there are none, or they are not all numbers within 0..1.
    """
    pixels = image.pixels
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.size == 0:
        raise ImageRefused("it is not two-dimensional, or empty")
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= 1):  # NaN is neither
        raise ImageRefused("its values are not all numbers within 0..1")
    return Pictures.fromarray(np.rint(pixels * 255).astype(np.uint8)).convert("RGB")


def to_png(image: Image, longest: int = LONGEST) -> bytes:
    """The image as a PNG whose longer side has at most `longest` pixels, sides in proportion; a smaller one is not enlarged.

    Raises:
        ImageRefused: as `to_pil`.
    """
    picture = to_pil(image)
    share = longest / max(picture.size)
    if share < 1:
        smaller = tuple(max(1, round(side * share)) for side in picture.size)
        picture = picture.resize((smaller[0], smaller[1]), Pictures.Resampling.LANCZOS)
    written = BytesIO()
    picture.save(written, "PNG", compress_level=_COMPRESSION)
    return written.getvalue()
