"""Makes the approximate index of a segment, when it has enough rows to need one."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.vectors.asked import Dimensions, Vectors
from retrieval.vectors.codes import faiss_module
from retrieval.vectors.kept import Rows
from retrieval.vectors.near import FaissNear, NearNote
from retrieval.vectors.tuning import tune

FEWEST_BYTES = 32 << 20
"""Under this many bytes of vectors an exact scan takes a few milliseconds: no index is made."""
QUERIES = 256
"""Rows held out of the training, to tune with."""
_ROUNDS = 6
_TRAINED_ON = 40
"""Rows a list is trained on: FAISS asks for 39 at least."""
_BLOCK = 65_536


def make_near(rows: Vectors, dimensions: Dimensions, weight: float, path: Path, *, fewest_bytes: int = FEWEST_BYTES) -> NearNote | None:
    """Build and tune an approximate index of `rows`, write it to `path`, and return what it is.

    Args:
        rows: [n, image + text].
        dimensions: Of the rows.
        weight: Of the image in the fused queries it is tuned on.
        path: Where to write; nothing is written when None is returned.
        fewest_bytes: Fewer bytes of vectors need none.
    """
    if rows.nbytes < fewest_bytes or len(rows) <= _TRAINED_ON:
        return None
    faiss = faiss_module()
    lists = lists_for(len(rows))
    held_out, trained_on = sampled(len(rows), lists)
    factory = f"IVF{lists},PQ{rows.shape[1] // _together(rows.shape[1])}x4fs"
    index = faiss.index_factory(rows.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = _ROUNDS
    index.train(np.ascontiguousarray(rows[trained_on]))
    for start in range(0, len(rows), _BLOCK):
        index.add(np.ascontiguousarray(rows[start : start + _BLOCK]))
    untuned = NearNote(factory=factory, rows=len(rows), dimension=rows.shape[1], points=())
    points = tune(rows, FaissNear(index, untuned), held_out=held_out, dimensions=dimensions, weight=weight)
    if not points:
        return None
    _write(faiss.serialize_index(index), path)
    return untuned.model_copy(update={"points": points})


def lists_for(count: int) -> int:
    """A power of 2 near the root of the count times 2, with enough rows to train each."""
    wanted = 2 ** round(math.log2(2 * math.sqrt(count)))
    return int(max(1, min(wanted, 2 ** int(math.log2(max(1, (count - QUERIES) // _TRAINED_ON))))))


def sampled(count: int, lists: int) -> tuple[Rows, Rows]:
    """(rows to tune with, rows to train on), sorted: apart from each other, and the same for a count."""
    order = np.random.default_rng(count).permutation(count)
    return np.sort(order[:QUERIES]), np.sort(order[QUERIES : QUERIES + _TRAINED_ON * lists])


def _together(dimension: int) -> int:
    """How many columns share a code of 4 bits."""
    return next(columns for columns in (4, 3, 2, 1) if dimension % columns == 0)


def _write(data: NDArray[np.uint8], path: Path) -> None:
    with path.open("wb") as file:
        file.write(data.tobytes())
        file.flush()
        os.fsync(file.fileno())
