"""Rows held in several places, e.g. on several GPUs: each is asked for its nearest, and all that they answer are candidates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from retrieval.vectors.asked import Vectors
from retrieval.vectors.engine import Barred, Held, Pairs
from retrieval.vectors.kept import Rows


class Sharded:
    """Parts of a table's rows, in their order. What is gathered stays where it was held."""

    def __init__(self, parts: Sequence[Held]) -> None:
        """Ask `parts`; together they are the table's rows."""
        self._parts = tuple(parts)
        self._firsts = np.cumsum([0, *(part.count for part in parts)]).tolist()
        self.count = int(self._firsts[-1])
        self.nbytes = sum(part.nbytes for part in parts)

    def nearest(self, columns: slice, queries: Vectors, limit: int, barred: Barred) -> Pairs:
        """See `Held.nearest`."""
        found = [Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))]
        for part, first in zip(self._parts, self._firsts, strict=False):
            here = part.nearest(columns, queries, limit, _within(barred, first, first + part.count))
            found.append(Pairs(here.query, here.position + first))
        return Pairs(np.concatenate([one.query for one in found]), np.concatenate([one.position for one in found]))

    def gather(self, positions: Rows) -> Held:
        """See `Held.gather`."""
        edges = np.searchsorted(positions, self._firsts)
        pieces = zip(self._parts, self._firsts, edges[:-1], edges[1:], strict=False)
        return Sharded([part.gather(positions[begin:end] - first) for part, first, begin, end in pieces if begin < end])


def shares(count: int, places: int) -> list[slice]:
    """`count` rows in `places` parts as equal as can be."""
    edges = np.linspace(0, count, places + 1).astype(int).tolist()
    return [slice(first, last) for first, last in itertools.pairwise(edges)]


def _within(barred: Barred, first: int, last: int) -> Barred:
    begin, end = np.searchsorted(barred.pairs.position, (first, last))
    pairs = Pairs(barred.pairs.query[begin:end], barred.pairs.position[begin:end] - first)
    return Barred(pairs, None if barred.for_all is None else barred.for_all[first:last])
