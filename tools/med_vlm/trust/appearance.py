"""What the pixels alone say: noise, a scanned page or a chart, or what may be a radiograph.

Bounds lie outside what was measured on 859 radiographs of the kit and 120 phantoms: at most 0.38 of their pixels are near black or
white, at most 0.31 have the commonest grey, at least 119 of 256 greys occur, and neighbours correlate by 0.86 or more (64 pixels
a side and larger). A photograph passes; only a gate that was fitted on images refuses those (`trust.fitted`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

NEAR = 0.05
"""Of the range between the 1st and the 99th percentile: what counts as near black or near white."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """Statistics of one image in 0..1."""

    extremes: float
    """Share of pixels near black or near white."""
    commonest: float
    """Share of pixels of the commonest of 256 greys."""
    greys: int
    """How many of 256 greys occur."""
    smoothness: float
    """Correlation of neighbouring pixels, the smaller of both directions; 0 where nothing varies."""


def appearance(image: F32) -> Appearance:
    """The statistics of a finite image [rows, columns] in 0..1 of at least two rows and columns."""
    grey = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    counts = np.bincount(grey.reshape(-1), minlength=256)
    low, high = np.quantile(image[::2, ::2], [0.01, 0.99])
    stretched = (image - low) / max(float(high - low), 1e-3)
    return Appearance(
        extremes=float(((stretched < NEAR) | (stretched > 1 - NEAR)).mean()),
        commonest=float(counts.max() / grey.size),
        greys=int((counts > 0).sum()),
        smoothness=min(_correlation(image[:, 1:], image[:, :-1]), _correlation(image[1:], image[:-1])),
    )


def _correlation(one: F32, other: F32) -> float:
    a, b = one - one.mean(dtype=np.float64), other - other.mean(dtype=np.float64)
    scale = float(np.sqrt((a * a).mean(dtype=np.float64) * (b * b).mean(dtype=np.float64)))
    return float((a * b).mean(dtype=np.float64)) / scale if scale > 1e-12 else 0.0


def no_picture(seen: Appearance) -> str:
    """Why this is no radiograph whatever its file says, or an empty string."""
    if seen.extremes > 0.9:
        return "nearly all pixels are black or white, as of a scanned page"
    if seen.greys < 32:
        return f"it has {seen.greys} shades of grey, as a chart or a drawing"
    if seen.smoothness < 0.6:
        return "neighbouring pixels have little to do with each other, as in noise or print"
    return ""


def may_be_radiograph(seen: Appearance) -> bool:
    """Whether an image of unknown modality may be taken for a radiograph; of 19 slices of CT and MR in the kit 11 may not."""
    return not no_picture(seen) and seen.extremes <= 0.5 and seen.commonest <= 0.4 and seen.greys >= 64 and seen.smoothness >= 0.8
