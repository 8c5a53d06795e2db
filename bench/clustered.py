"""Synthetic vectors that are alike in groups, as embeddings are, and filters over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HALF = 192
"""Columns of an image's and of a text's part."""
CENTRES, LATENT, SPREAD, NOISE = 100, 32, 1.6, 0.2
"""Groups; dimensions in which their members differ, and by how much; what is added in all dimensions. With these FAISS's IVFFlat
finds at 100,000 rows what shared/MEASUREMENTS.md reports: .98 of the nearest in 16 lists of 1,264."""
_BLOCK = 65_536

Rows = NDArray[np.float32]


def clustered(count: int, seed: int) -> Rows:
    """[count, 2 HALF]: an image's unit vector and a text's."""
    rows = np.empty((count, 2 * HALF), dtype=np.float32)
    _fill(rows, seed)
    return rows


def on_disk(path: Path, count: int) -> Rows:
    """The rows of seed 1 in `path`, written there if they are not; mapped into memory."""
    if not path.exists():
        rows = np.lib.format.open_memmap(path.with_suffix(".part"), mode="w+", dtype=np.float32, shape=(count, 2 * HALF))
        _fill(rows, 1)
        rows.flush()
        path.with_suffix(".part").rename(path)
    mapped: Rows = np.load(path, mmap_mode="r")
    return mapped


def kept(rows: Rows, share: float, topic: Rows | None) -> NDArray[np.bool_]:
    """A filter that keeps a share of the rows: random ones, or those most like `topic` [2 HALF]."""
    count = max(1, round(share * len(rows)))
    mask = np.zeros(len(rows), dtype=bool)
    order = np.random.default_rng(3).permutation(len(rows)) if topic is None else np.argsort(-(rows @ topic), kind="stable")
    mask[order[:count]] = True
    return mask


def _fill(rows: Rows, seed: int) -> None:
    fixed, drawn = np.random.default_rng(7), np.random.default_rng(seed)
    centres = fixed.standard_normal((CENTRES, 2 * HALF), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    ways: Rows = fixed.standard_normal((LATENT, 2 * HALF), dtype=np.float32)
    ways /= np.float32(np.sqrt(2 * HALF * LATENT))
    for start in range(0, len(rows), _BLOCK):
        size = min(_BLOCK, len(rows) - start)
        made: Rows = centres[drawn.integers(0, CENTRES, size)]
        made += np.float32(SPREAD) * (drawn.standard_normal((size, LATENT), dtype=np.float32) @ ways)
        made += drawn.standard_normal((size, 2 * HALF), dtype=np.float32) * np.float32(NOISE / np.sqrt(2 * HALF))
        for part in (slice(0, HALF), slice(HALF, None)):
            rows[start : start + size, part] = made[:, part] / np.linalg.norm(made[:, part], axis=1, keepdims=True)
