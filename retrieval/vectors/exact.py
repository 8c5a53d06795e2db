"""The exact scan on a CPU: a product block by block, and of each block what can still be among the nearest.

A product in float32 differs from the true one by at most n u |query| |row| (n columns, u = 2^-24; Higham, "Accuracy and
Stability of Numerical Algorithms", 2002, section 3.1). So whatever lies within twice that of the last of the best is a candidate,
which is what makes the answer exact: all of it is scored again. Blocks bound the memory: no more than BLOCK x queries products.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from retrieval.vectors.asked import Vectors
from retrieval.vectors.engine import Barred, Held, Pairs, Rates, Room
from retrieval.vectors.kept import Rows

BLOCK = 4096
"""Rows a product is made over at once for several queries: 4,096 x 384 floats lie in a core's cache with the products."""
BLOCK_ALONE = 65_536
"""The same for one query, which is bound by reading the rows once."""
_UNIT = 2.0**-24
_LONGEST_ROW = 1.42
"""Of a row of two unit parts: the root of 2, and what rounding adds."""
_LOWEST = np.float32(-3)
"""Under every product of unit vectors, above what is barred."""


class CpuEngine:
    """Multiplies where the rows lie."""

    name = "CPU"
    rates = Rates(read=0.33, multiply=0.03, pick=0.85)
    room = Room(copies=512 << 20, value=4)

    def hold(self, rows: Vectors) -> Held:
        """`rows` themselves: nothing is copied."""
        return HeldRows(rows, 0)


class HeldRows:
    """Rows in memory, or mapped into it."""

    def __init__(self, rows: Vectors, nbytes: int) -> None:
        """Keep `rows` [n, columns], of which `nbytes` are a copy."""
        self._rows = rows
        self.nbytes = nbytes
        self.count = len(rows)

    def nearest(self, columns: slice, queries: Vectors, limit: int, barred: Barred) -> Pairs:
        """See `Held.nearest`."""
        part, best = self._rows[:, columns], _Best(queries, limit)
        for block in _blocks(self.count, len(queries)):
            best.take(_without(part[block] @ queries.T, block.start, barred), block.start)
        return best.pairs()

    def gather(self, positions: Rows) -> HeldRows:
        """See `Held.gather`."""
        copied = self._rows[positions]
        return HeldRows(copied, copied.nbytes)


class Picked:
    """Some of the rows of a matrix, copied block by block while they are asked: for more than memory should hold."""

    nbytes = 0

    def __init__(self, rows: Vectors, positions: Rows) -> None:
        """Look at `rows[positions]`."""
        self._rows, self._positions = rows, positions
        self.count = len(positions)

    def nearest(self, columns: slice, queries: Vectors, limit: int, barred: Barred) -> Pairs:
        """See `Held.nearest`."""
        part, best = self._rows[:, columns], _Best(queries, limit)
        for block in _blocks(self.count, 2):
            best.take(_without(part[self._positions[block]] @ queries.T, block.start, barred), block.start)
        return best.pairs()

    def gather(self, positions: Rows) -> HeldRows:
        """See `Held.gather`."""
        copied = self._rows[self._positions[positions]]
        return HeldRows(copied, copied.nbytes)


def _blocks(count: int, queries: int) -> Iterator[slice]:
    """All rows. The first block is small: it gives a floor, and what is above a floor is found faster than what is largest."""
    first = min(BLOCK, count)
    if first:
        yield slice(0, first)
    for start in range(first, count, BLOCK if queries > 1 else BLOCK_ALONE):
        yield slice(start, min(start + (BLOCK if queries > 1 else BLOCK_ALONE), count))


def slack(query: Vectors) -> float:
    """How far under the last of the best a query's product may lie that is among the best in truth.

    Twice the error of a product, and twice that of rounding a distance to float32, since equal distances are told apart by row.
    """
    return _UNIT * (4 + 2 * len(query) * _LONGEST_ROW * math.sqrt(query @ query))


class _Best:
    """The best products so far, and whatever may be among them."""

    def __init__(self, queries: Vectors, limit: int) -> None:
        self._queries = len(queries)
        self._limit = limit
        self._slack = np.array([slack(query) for query in queries], dtype=np.float32)
        self._best: Vectors | None = None
        self._found: list[tuple[Rows, Rows, Vectors]] = []

    def take(self, products: Vectors, start: int) -> None:
        """Look at the products [rows, queries] of a block whose first row is `start`."""
        first = self._best is None
        if self._best is None:
            self._best = _top(products, self._limit)
        flat = np.flatnonzero(products >= self._floor(self._best))
        position, query = np.divmod(flat, self._queries) if self._queries > 1 else (flat, np.zeros(len(flat), np.int64))
        product = products.reshape(-1)[flat]
        if not first and len(flat):
            _push(self._best, query, product)
        self._found.append((query, position + start, product))

    def pairs(self) -> Pairs:
        """All that may be among the best."""
        if self._best is None:
            return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
        if len(self._found) == 1:
            return Pairs(*self._found[0][:2])
        query, position, product = (np.concatenate(parts) for parts in zip(*self._found, strict=True))
        near = product >= self._floor(self._best)[query]
        return Pairs(query[near], position[near])

    def _floor(self, best: Vectors) -> Vectors:
        floor: Vectors = np.maximum(best[0] - self._slack, _LOWEST)
        return floor


def _push(best: Vectors, query: Rows, product: Vectors) -> None:
    """Let what was found push out what was best."""
    order = np.argsort(query, kind="stable")
    numbers, first = np.unique(query[order], return_index=True)
    for number, products in zip(numbers.tolist(), np.split(product[order], first[1:]), strict=True):
        best[:, number] = _top(np.concatenate((best[:, number], products))[:, None], len(best))[:, 0]


def _top(products: Vectors, limit: int) -> Vectors:
    """The `limit` largest of each column, the least of them first; minus infinity where there are fewer."""
    count, queries = products.shape
    if count <= limit:
        none = np.full((limit - count, queries), -np.inf, dtype=np.float32)
        return np.concatenate((none, np.sort(products, axis=0)))
    if queries == 1:  # along one axis alone it takes a third of the time
        return np.partition(products[:, 0], count - limit)[count - limit :, None]
    best: Vectors = np.partition(products, count - limit, axis=0)[count - limit :]
    return best


def _without(products: Vectors, start: int, barred: Barred) -> Vectors:
    """`products` of the rows from `start` on, minus infinity where they are barred."""
    stop = start + len(products)
    if barred.for_all is not None:
        products[barred.for_all[start:stop]] = -np.inf
    first, last = np.searchsorted(barred.pairs.position, (start, stop)) if len(barred.pairs.position) else (0, 0)
    if first < last:
        products[barred.pairs.position[first:last] - start, barred.pairs.query[first:last]] = -np.inf
    return products
