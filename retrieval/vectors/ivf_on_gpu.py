"""An inverted file on a GPU, made when a table is opened: what takes minutes on a CPU takes seconds there (bench/GPU.md).

FAISS's 4-bit codes have no form for GPUs, so this one holds the vectors themselves. It is tuned as the one on disk is.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np

from retrieval.vectors.asked import Dimensions, Vectors
from retrieval.vectors.engine import Pairs
from retrieval.vectors.making import lists_for, sampled
from retrieval.vectors.near import FaissNear, Near, NearNote
from retrieval.vectors.tuning import tune

MOST_FETCHED = 2_047
"""As many as FAISS can select on a GPU, less the query's own row."""
_BLOCK = 1 << 18


class _OneByOne(FaissNear):
    """An index on a GPU answers one search at a time."""

    def __init__(self, index: Any, note: NearNote) -> None:
        super().__init__(index, note)
        self._lock = Lock()

    def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int) -> Pairs:
        """See `Near.fetch`."""
        with self._lock:
            return super().fetch(columns, queries, probes, fetch)


def near_on_gpu(rows: Vectors, dimensions: Dimensions, weight: float, faiss: Any, gpu: int = 0) -> Near | None:
    """An IVFFlat of `rows` on a GPU, tuned; None where no setting finds enough, or the rows are too few to train it.

    Args:
        rows: [n, image + text].
        dimensions: Of the rows.
        weight: Of the image in the fused queries it is tuned on.
        faiss: The module, of a build for GPUs.
        gpu: Number of the GPU.
    """
    lists = lists_for(len(rows))
    config = faiss.GpuIndexIVFFlatConfig()
    config.device = gpu
    index = faiss.GpuIndexIVFFlat(faiss.StandardGpuResources(), rows.shape[1], lists, faiss.METRIC_INNER_PRODUCT, config)
    held_out, trained_on = sampled(len(rows), lists)
    if not len(trained_on):
        return None
    index.train(np.ascontiguousarray(rows[trained_on]))
    for start in range(0, len(rows), _BLOCK):
        index.add(np.ascontiguousarray(rows[start : start + _BLOCK]))
    untuned = NearNote(factory=f"IVF{lists},Flat", rows=len(rows), dimension=rows.shape[1], points=())
    points = tune(rows, _OneByOne(index, untuned), held_out=held_out, dimensions=dimensions, weight=weight, most=MOST_FETCHED)
    return _OneByOne(index, untuned.model_copy(update={"points": points})) if points else None
