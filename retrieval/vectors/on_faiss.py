"""Rows in a flat index of FAISS, on a GPU in float16: for a torch that was built without CUDA."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np

from retrieval.vectors.asked import Vectors, widened
from retrieval.vectors.engine import Barred, Held, Pairs
from retrieval.vectors.exact import HeldRows
from retrieval.vectors.kept import Rows

FETCHED = 4
"""Rows fetched for each neighbour that is asked for."""
MOST_FETCHED = 2048
"""As many as FAISS can select on a GPU."""
_BLOCK = 1 << 18


class FaissRows:
    """Rows in a flat index, beside the same rows on the CPU: what FAISS cannot leave out is searched there."""

    def __init__(self, rows: Vectors, make: Callable[[int], Any]) -> None:
        """Copy `rows` into `make(columns)`, an empty flat inner-product index."""
        self._rows = rows
        self._make = make
        self._index = make(rows.shape[1])
        for start in range(0, len(rows), _BLOCK):
            self._index.add(np.ascontiguousarray(rows[start : start + _BLOCK]))
        self._lock = Lock()
        self.count = len(rows)
        self.nbytes = rows.size * 2

    def nearest(self, columns: slice, queries: Vectors, limit: int, barred: Barred) -> Pairs:
        """See `Held.nearest`: four times the limit and as many as may be barred, less what is."""
        fetch = min(limit * FETCHED + len(barred.pairs.position), self.count)
        if barred.for_all is not None or fetch > MOST_FETCHED:
            return HeldRows(self._rows, 0).nearest(columns, queries, limit, barred)
        whole = widened(queries, columns, self._rows.shape[1])
        with self._lock:  # an index on a GPU answers one search at a time
            rows = self._index.search(whole, fetch)[1]
        query, place = np.nonzero(rows >= 0)
        position = rows[query, place]
        keys = np.sort(barred.pairs.query * self.count + barred.pairs.position)
        may = ~np.isin(query * self.count + position, keys)
        return Pairs(query[may], position[may])

    def gather(self, positions: Rows) -> Held:
        """See `Held.gather`."""
        return FaissRows(self._rows[positions], self._make)
