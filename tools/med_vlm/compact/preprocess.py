"""From any image to what the network sees: the one path used in training and in reading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

LOW, HIGH = 0.01, 0.99
"""Percentiles that become 0 and 1: exposure and window differ between machines, anatomy does not."""

STRIDE = 4
"""Percentiles are taken over every fourth pixel of both axes; the same in training and in reading."""

MINIMUM_SIDE = 64
"""Pixels of the shorter side below which an image is not read (MedMNIST thumbnails are 28)."""


MINIMUM_RANGE = 0.01
"""Between both percentiles; what has less holds no picture."""

TOLERANCE = 1e-3
"""How far rounding may carry a value out of 0..1."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How an image lies in the padded square the network sees."""

    rows: int
    columns: int

    @property
    def side(self) -> int:
        """Pixels of the square."""
        return max(self.rows, self.columns)

    @property
    def top(self) -> int:
        """Rows of padding above the image."""
        return (self.side - self.rows) // 2

    @property
    def left(self) -> int:
        """Columns of padding left of the image."""
        return (self.side - self.columns) // 2

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Fractions of the square to fractions of the image, clipped to the image."""
        column = (x * self.side - self.left) / self.columns
        row = (y * self.side - self.top) / self.rows
        return min(max(column, 0.0), 1.0), min(max(row, 0.0), 1.0)


def problem(image: NDArray[np.float32]) -> str:
    """Why an array is no readable radiograph, or an empty string."""
    if not isinstance(image, np.ndarray) or image.ndim != 2:
        return "not a two-dimensional array"
    if min(image.shape) < MINIMUM_SIDE:
        return f"the shorter side is under {MINIMUM_SIDE} pixels"
    if max(image.shape) > 8 * min(image.shape):
        return "one side is more than eight times the other"
    return _content_problem(image)


def _content_problem(image: NDArray[np.float32]) -> str:
    if not np.issubdtype(image.dtype, np.floating) or not bool(np.isfinite(image).all()):
        return "pixel values are not finite numbers"
    if float(image.min()) < -TOLERANCE or float(image.max()) > 1 + TOLERANCE:
        return "pixel values are outside 0..1"
    low, high = np.quantile(image[::STRIDE, ::STRIDE], [LOW, HIGH])
    return "the image is constant" if float(high - low) < MINIMUM_RANGE else ""


def pad_square(image: torch.Tensor) -> torch.Tensor:
    """Pad [rows, columns] with zeros (air) to a square, the image in the middle."""
    frame = Frame(image.shape[0], image.shape[1])
    below = frame.side - frame.rows - frame.top
    right = frame.side - frame.columns - frame.left
    return functional.pad(image, (frame.left, right, frame.top, below))


def normalise(batch: torch.Tensor) -> torch.Tensor:
    """Stretch each image [n, 1, s, s] so that its 1st and 99th percentile become 0 and 1, clipped."""
    sample = batch[:, :, ::STRIDE, ::STRIDE].flatten(1)
    bounds = torch.quantile(sample, torch.tensor([LOW, HIGH], dtype=batch.dtype, device=batch.device), dim=1)
    low, high = bounds[0].view(-1, 1, 1, 1), bounds[1].view(-1, 1, 1, 1)
    return ((batch - low) / (high - low).clamp_min(1e-3)).clamp(0, 1)


def prepare(image: NDArray[np.float32], size: int) -> torch.Tensor:
    """One image [rows, columns] in 0..1 as float32 [1, size, size] in 0..1, rounded to 8 bits.

    The rounding keeps reading and training equal: training reads its images from an 8-bit store.
    """
    square = pad_square(torch.from_numpy(np.array(image, dtype=np.float32)))
    small = functional.interpolate(square[None, None], size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    return (normalise(small)[0] * 255).round() / 255


def prepare_mask(mask: NDArray[np.bool_], grid: int, frame: Frame) -> NDArray[np.uint8]:
    """Coverage of a mask [m, n] over the padded square as uint8 [grid, grid], 255 where a cell is full."""
    whole = torch.from_numpy(mask.astype(np.float32))[None, None]
    rows = max(1, round(256 * frame.rows / frame.side))
    columns = max(1, round(256 * frame.columns / frame.side))
    placed = pad_square(functional.interpolate(whole, size=(rows, columns), mode="area")[0, 0])
    covered = functional.interpolate(placed[None, None], size=(grid, grid), mode="area")[0, 0]
    return np.asarray((covered * 255).ceil().clamp(0, 255).to(torch.uint8).numpy())
