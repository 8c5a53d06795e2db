"""Finds hashes near to one among millions without looking at each, and misses none.

The pigeonhole principle: of 64 bits in four blocks of 16, hashes that differ in at most b bits agree in some block up to b // 4
bits (Manku, Jain and Das Sarma, "Detecting near-duplicates for web crawling", WWW 2007). So the rows are kept in the order of
each block, and only those are compared whose block is among the few values that are so near.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from retrieval.keys import near

_BLOCKS = 4
_VALUES = 1 << 16
_MOST_FLIPS = 2
"""Beyond, the values near to a block are so many that comparing every hash is no slower."""
_FEW = 1 << 14
"""Fewer hashes are compared in less time than they are prepared."""
_SCAN_SHARE = 8
"""When a block's values are so common that an eighth of all rows would be compared, every hash is."""
_FLIPS = [
    np.array([sum(1 << bit for bit in bits) for size in range(most + 1) for bits in combinations(range(16), size)], dtype=np.int64)
    for most in range(_MOST_FLIPS + 1)
]


@dataclass(frozen=True, eq=False, slots=True)
class _Block:
    """Rows by the value of 16 of their bits: those of value v stand at `starts[v]` to `starts[v + 1]` of `order`."""

    order: NDArray[np.int32]
    starts: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class NearHashes:
    """64-bit hashes [n] by row."""

    hashes: NDArray[np.uint64]
    without: int | None
    """A row with this value has no hash, and is never found."""
    blocks: tuple[_Block, ...]
    """None for few hashes."""

    @staticmethod
    def of(hashes: NDArray[np.uint64], without: int | None = None) -> NearHashes:
        """Prepare `hashes`; a row whose value is `without` has none."""
        if len(hashes) < _FEW:
            return NearHashes(hashes, without, ())
        rows = np.arange(len(hashes), dtype=np.int32) if without is None else np.flatnonzero(hashes != without).astype(np.int32)
        return NearHashes(hashes, without, tuple(_block(_bits(hashes[rows], number), rows) for number in range(_BLOCKS)))

    def within(self, one: int, bits: int) -> NDArray[np.int64]:
        """Rows, ascending, whose hashes differ from `one` in at most `bits` of 64 bits."""
        if not self.blocks or bits // _BLOCKS > _MOST_FLIPS:
            return self._scanned(one, bits)
        flips = _FLIPS[bits // _BLOCKS]
        spans = [_span(block, (one >> 16 * number & 0xFFFF) ^ flips) for number, block in enumerate(self.blocks)]
        if sum(int(lengths.sum()) for _, lengths in spans) > len(self.hashes) // _SCAN_SHARE:
            return self._scanned(one, bits)
        rows = np.concatenate([_rows(block, *span) for block, span in zip(self.blocks, spans, strict=True)])
        found = rows[np.bitwise_count(self.hashes[rows] ^ np.uint64(one)) <= bits]
        return np.unique(found).astype(np.int64)

    def _scanned(self, one: int, bits: int) -> NDArray[np.int64]:
        found = near(self.hashes, one, bits)
        return found if self.without is None else np.asarray(found[self.hashes[found] != self.without])


def _bits(hashes: NDArray[np.uint64], number: int) -> NDArray[np.uint16]:
    return (hashes >> np.uint64(16 * number)).astype(np.uint16)


def _block(values: NDArray[np.uint16], rows: NDArray[np.int32]) -> _Block:
    starts = np.zeros(_VALUES + 1, dtype=np.int64)
    np.cumsum(np.bincount(values, minlength=_VALUES), out=starts[1:])
    return _Block(rows[np.argsort(values, kind="stable")], starts)  # a radix sort for 16 bits


def _span(block: _Block, values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(where the rows of each value begin, how many they are)."""
    return block.starts[values], block.starts[values + 1] - block.starts[values]


def _rows(block: _Block, begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    before = np.cumsum(lengths) - lengths
    return block.order[np.repeat(begins - before, lengths) + np.arange(int(lengths.sum()))]
