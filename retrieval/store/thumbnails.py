"""The small picture of a case that its card carries."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

THUMBNAIL_PX = 128


def thumbnail(image: NDArray[np.float32]) -> bytes:
    """PNG, 8-bit grey, at most 128 x 128, of an image [rows, columns] in 0..1."""
    picture = Image.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8))
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    out = io.BytesIO()
    picture.save(out, format="PNG")
    return out.getvalue()
