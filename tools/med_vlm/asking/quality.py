"""What of an image's pixels limits a reading: too few of them, too little contrast, values cut off. Measured, never guessed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

FEWEST_PIXELS: Final = 16
"""Of a side: below that there is nothing to read at all."""
SMALL: Final = 400
"""Pixels of the shorter side below which a pixel covers more than a millimetre of a chest of 40 cm, and a nodule of 5 mm less than five."""
FLAT: Final = 0.15
"""Between the 5th and the 95th percentile: forty-eight radiographs of the Hannover collection as published have 0.19 to 0.81."""
WHITE, BLACK = 0.10, 0.50
"""Shares of pixels at the upper or lower end: burnt-out bone and devices; black beyond what collimation leaves."""
_STRIDE: Final = 4


def unreadable(pixels: F32) -> str:
    """Why an array is no image that a model could be shown, or an empty string."""
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or min(pixels.shape) < FEWEST_PIXELS:
        return f"the image is not two-dimensional with at least {FEWEST_PIXELS} pixels on a side"
    if not np.issubdtype(pixels.dtype, np.floating) or not bool(np.isfinite(pixels).all()):
        return "the image has values that are not finite numbers"
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1:
        return "the image has values outside 0 to 1"
    return "the image is constant" if high - low < 1e-6 else ""


def quality(pixels: F32) -> tuple[str, ...]:
    """What limits the reading of [rows, columns] of 0..1, in sentences; nothing for an ordinary radiograph."""
    said = []
    if min(pixels.shape) < SMALL:
        said.append(f"The image has {pixels.shape[1]} x {pixels.shape[0]} pixels only; small findings may not be visible.")
    some = pixels[::_STRIDE, ::_STRIDE]
    low, high = np.quantile(some, [0.05, 0.95])
    if high - low < FLAT:
        said.append("The image has little contrast.")
    if (share := float((some >= 1).mean())) > WHITE:
        said.append(f"{share:.0%} of the image is clipped to white.")
    if (share := float((some <= 0).mean())) > BLACK:
        said.append(f"{share:.0%} of the image is clipped to black.")
    return tuple(said)
