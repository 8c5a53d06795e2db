"""Where a finding lies: a box and a coarse map from the network's cells, and the test that says whether to believe them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from policies.evidence import Region
from tools.med_vlm.compact.preprocess import Frame

F32 = NDArray[np.float32]

MARGIN = 0.25
"""A finding's regions are shown when the pointing game's lower bound is this far above chance."""

TOUCHING = 25
"""Coverage of 255 from which a cell of a mask counts."""


def component(mask: NDArray[np.bool_], start: tuple[int, int]) -> NDArray[np.bool_]:
    """The cells of `mask` [h, w] joined to `start` over their sides."""
    joined = np.zeros_like(mask)
    waiting = [start]
    while waiting:
        row, column = waiting.pop()
        inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
        if inside and mask[row, column] and not joined[row, column]:
            joined[row, column] = True
            waiting += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
    return joined


def peak(cells: F32) -> tuple[int, int]:
    """Row and column of the strongest cell of a map [h, w]."""
    row, column = np.unravel_index(int(cells.argmax()), cells.shape)
    return int(row), int(column)


def region(cells: F32, frame: Frame, share: float = 0.5) -> Region:
    """The box around the strongest cell of probabilities [h, w] and what is joined to it at `share` of its strength."""
    row, column = peak(cells)
    joined = component(cells >= share * cells[row, column], (row, column))
    rows, columns = np.flatnonzero(joined.any(1)), np.flatnonzero(joined.any(0))
    height, width = cells.shape
    x0, y0 = frame.to_image(columns[0] / width, rows[0] / height)
    x1, y1 = frame.to_image((columns[-1] + 1) / width, (rows[-1] + 1) / height)
    return Region(x0=x0, y0=y0, x1=x1, y1=y1, score=float(np.clip(cells[row, column], 0, 1)))


def heat_map(cells: F32, frame: Frame) -> tuple[tuple[float, ...], ...]:
    """The map [h, w] of the square, taken over the image alone at the same number of cells, rounded to 3 digits."""
    height, width = cells.shape
    rows = ((np.arange(height) + 0.5) / height * frame.rows + frame.top) / frame.side * height - 0.5
    columns = ((np.arange(width) + 0.5) / width * frame.columns + frame.left) / frame.side * width - 0.5
    grid = _between(_between(cells, rows).T, columns).T
    return tuple(tuple(round(float(value), 3) for value in row) for row in np.clip(grid, 0, 1))


def _between(cells: F32, positions: NDArray[np.floating]) -> F32:
    """Rows of `cells` at fractional positions, linearly interpolated."""
    low = np.clip(np.floor(positions).astype(int), 0, len(cells) - 1)
    high = np.clip(low + 1, 0, len(cells) - 1)
    share = np.clip(positions - low, 0, 1)[:, None]
    return np.asarray(cells[low] * (1 - share) + cells[high] * share, dtype=np.float32)


def touched(masks: NDArray[np.uint8], height: int, width: int) -> NDArray[np.bool_]:
    """Which cells [n, height, width] of a map the coverages [n, g, g] touch, whether or not one grid divides the other."""
    rows, columns = (_windows(masks.shape[axis], cells) for axis, cells in ((1, height), (2, width)))
    best = [[masks[:, top:bottom, left:right].max((1, 2)) for left, right in columns] for top, bottom in rows]
    return np.asarray(np.moveaxis(np.array(best), 2, 0) > TOUCHING)


def _windows(grid: int, cells: int) -> list[tuple[int, int]]:
    """The stretch of a grid that each cell lies over, ends included."""
    return [(cell * grid // cells, -(-(cell + 1) * grid // cells)) for cell in range(cells)]


def pointing(cells: F32, masks: NDArray[np.uint8]) -> tuple[NDArray[np.bool_], F32]:
    """The pointing game (Zhang et al., ECCV 2016) on maps [n, h, w] and coverages [n, g, g].

    A hit is a strongest cell that touches the mask. Chance is the share of cells that touch it.
    """
    count, height, width = cells.shape
    where = touched(masks, height, width).reshape(count, -1)
    return where[np.arange(count), cells.reshape(count, -1).argmax(1)], where.mean(1).astype(np.float32)
