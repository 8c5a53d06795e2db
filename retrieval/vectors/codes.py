"""The codes of the rows that a filter keeps, side by side: all of them are looked at for each query.

They take 48 bytes a row where its vector takes 1,536. No row is left out, so it matters little whether a filter keeps what is like
the query, unlike it, or anything: what the codes cannot tell apart shows in what was fetched (`retrieval.vectors.settling.narrow`).
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.vectors.asked import Vectors, widened
from retrieval.vectors.engine import Pairs
from retrieval.vectors.kept import Rows

Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Looked:
    """Rows fetched, sorted by query; with scores for each query nearest first."""

    pairs: Pairs
    scores: Vectors | None = None
    """Their products with the queries as the codes give them; None where nothing was left to fetch."""


class KeptCodes(Protocol):
    """Codes of some of a table's rows."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory they take."""
        ...

    def fetch(self, columns: slice, queries: Vectors, fetch: int) -> Looked:
        """The rows, at most `fetch` for each of `queries` [q, columns], that look nearest."""
        ...


class FaissCodes:
    """4-bit product codes in a flat index of FAISS."""

    def __init__(self, quantizer: Any, codes: Codes, base: Rows) -> None:
        """Hold `codes` [n, bytes] that `quantizer` made of the rows `base` [n]."""
        self._index = _flat(quantizer, codes)
        self._base = base

    @property
    def nbytes(self) -> int:
        """See `KeptCodes.nbytes`."""
        return int(self._index.codes.size()) + self._base.nbytes

    def fetch(self, columns: slice, queries: Vectors, fetch: int) -> Looked:
        """See `KeptCodes.fetch`."""
        count = len(queries)
        if fetch >= len(self._base):
            return Looked(Pairs(np.repeat(np.arange(count), len(self._base)), np.tile(self._base, count)))
        scores, places = self._index.search(widened(queries, columns, self._index.d), fetch)  # of so many that none is -1
        return Looked(Pairs(np.repeat(np.arange(count), fetch), self._base[places.ravel()]), scores.ravel())


def unpacked(index: Any) -> Codes:
    """[rows, bytes] the codes that an inverted file of FAISS holds for its fast scan, in the order of the rows."""
    faiss = faiss_module()
    held, packer = faiss.downcast_InvertedLists(index.invlists), index.get_CodePacker()
    codes = np.empty((index.ntotal, packer.code_size), dtype=np.uint8)
    for number in range(index.nlist):
        if size := held.list_size(number):
            blocks = faiss.rev_swig_ptr(held.get_codes(number), -(-size // packer.nvec) * packer.block_size)
            codes[faiss.rev_swig_ptr(held.get_ids(number), size)] = _flattened(packer, blocks)[:size]
    return codes


def _flattened(packer: Any, blocks: Codes) -> Codes:
    """The codes of blocks in which many lie across each other."""
    at, count = faiss_module().swig_ptr, len(blocks) // packer.block_size
    flat = np.empty((count * packer.nvec, packer.code_size), dtype=np.uint8)
    for number in range(count):
        packer.unpack_all(at(blocks[number * packer.block_size :]), at(flat[number * packer.nvec :]))
    return flat


def _flat(quantizer: Any, codes: Codes) -> Any:
    faiss = faiss_module()
    plain = faiss.IndexPQ(quantizer.d, quantizer.M, quantizer.nbits, faiss.METRIC_INNER_PRODUCT)
    plain.pq, plain.is_trained, plain.ntotal = quantizer, True, len(codes)
    faiss.copy_array_to_vector(codes.ravel(), plain.codes)
    index = faiss.IndexPQFastScan(plain)
    index.orig_codes = None  # it points into `plain`, which ends here
    return index


def faiss_module() -> Any:
    """FAISS, imported where it is needed: loading the package must not load it."""
    return importlib.import_module("faiss")
