"""Masks as run lengths: to arrays and back, together, and how much of an image they cover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.reading import Mask


def decoded(mask: Mask) -> NDArray[np.bool_]:
    """The mask as [rows, columns].

    Raises:
        ValueError: the runs do not add up to its pixels.
    """
    values = np.arange(len(mask.runs)) % 2 == 1
    return np.repeat(values, mask.runs).reshape(mask.rows, mask.columns)


def encoded(pixels: NDArray[np.bool_]) -> Mask:
    """[rows, columns] as run lengths, the first of them outside."""
    flat = np.concatenate([[False], pixels.ravel()])
    turns = np.flatnonzero(flat[1:] != flat[:-1])
    runs = np.diff([0, *turns, pixels.size])
    return Mask(rows=pixels.shape[0], columns=pixels.shape[1], runs=tuple(int(run) for run in runs))


def united(masks: Sequence[Mask]) -> Mask | None:
    """All masks of the first one's size as one, or None without any."""
    alike = [mask for mask in masks if (mask.rows, mask.columns) == (masks[0].rows, masks[0].columns)]
    if len(alike) < 2:
        return alike[0] if alike else None
    together = decoded(alike[0])
    for mask in alike[1:]:
        together |= decoded(mask)
    return encoded(together)


def share(mask: Mask) -> float:
    """The share of the image inside, 0..1."""
    return sum(mask.runs[1::2]) / (mask.rows * mask.columns)
