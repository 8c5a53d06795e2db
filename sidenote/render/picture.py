"""An image as a page shows it: how large, and where on it the image model points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.review import Review
from policies.evidence import Evidence, Region

LONGEST_SIDE = 1024
"""Pixels of the longer side of an image on a page: enough to read a page by, small enough to mail."""


def fitted_size(rows: int, columns: int) -> tuple[int, int]:
    """(rows, columns) of an image once neither is longer than `LONGEST_SIDE`; a smaller image keeps its own.

    >>> fitted_size(3000, 2000)
    (1024, 683)
    """
    longest = max(rows, columns)
    if longest <= LONGEST_SIDE:
        return rows, columns
    return tuple(max(1, round(side * LONGEST_SIDE / longest)) for side in (rows, columns))  # type: ignore[return-value]  # of two


def fitted(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """`pixels` [rows, columns] in 0..1, made smaller where it has to be (Lanczos), and in 0..1 again."""
    rows, columns = fitted_size(*pixels.shape)
    if (rows, columns) == pixels.shape:
        return np.clip(pixels, 0, 1)
    small = Image.fromarray(np.asarray(pixels, np.float32)).resize((columns, rows), Image.Resampling.LANCZOS)
    return np.clip(np.asarray(small, np.float32), 0, 1)


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the image that was read, and the findings that lie there."""

    region: Region
    """To hundredths of the image; its score is the highest of them."""
    items: tuple[Evidence, ...]


def places(review: Review) -> tuple[Place, ...]:
    """Where the present findings lie that have a region: one place for findings of the same place."""
    found: dict[tuple[float, ...], list[Evidence]] = {}
    for item in review.evidence:
        if item.region is not None and item.polarity == "present":
            edges = (item.region.x0, item.region.y0, item.region.x1, item.region.y1)
            found.setdefault(tuple(round(edge, 2) for edge in edges), []).append(item)
    return tuple(
        Place(Region(x0=x0, y0=y0, x1=x1, y1=y1, score=max(item.region.score for item in items if item.region)), tuple(items))
        for (x0, y0, x1, y1), items in found.items()
    )
