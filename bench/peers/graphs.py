"""hnswlib and usearch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hnswlib
import numpy as np
from usearch.index import Index

from bench.peers.peer import Ids, Mask, Rows


class OpenedHnswlib:
    """An hnswlib index."""

    def __init__(self, index: Any) -> None:
        """Search `index` with one thread."""
        self._index = index
        index.set_num_threads(1)

    def search(self, queries: Rows, k: int, setting: int, mask: Mask | None) -> Ids:
        """See `Opened.search`. Its filter is a function of Python, called for each row it meets."""
        self._index.set_ef(max(setting, k))
        allowed = None if mask is None else mask.__getitem__
        found = [self._one(query, k, allowed) for query in queries] if mask is not None else [self._index.knn_query(queries, k)[0]]
        return np.vstack(found).astype(np.int64)

    def _one(self, query: Rows, k: int, allowed: Any) -> Ids:
        """A query for which fewer than k are found is an error in hnswlib, and a row of -1 here."""
        try:
            ids: Ids = self._index.knn_query(query[None], k, filter=allowed)[0]
        except RuntimeError:
            return np.full((1, k), -1)
        return ids


class Hnswlib:
    """hnswlib with M 16, built with a queue of 100."""

    name = "hnswlib"
    settings: tuple[int, ...] = (32, 64, 128, 256)
    most = 200_000
    filters = True

    def build(self, rows: Rows, path: Path) -> None:
        """See `Peer.build`."""
        index = hnswlib.Index("ip", rows.shape[1])
        index.init_index(len(rows), ef_construction=100, M=16)
        index.add_items(rows, num_threads=1)
        index.save_index(str(path))

    def open(self, rows: Rows, path: Path) -> OpenedHnswlib:
        """See `Peer.open`."""
        index = hnswlib.Index("ip", rows.shape[1])
        index.load_index(str(path))
        return OpenedHnswlib(index)


class OpenedUsearch:
    """A usearch index."""

    def __init__(self, index: Any) -> None:
        """Search `index`."""
        self._index = index

    def search(self, queries: Rows, k: int, setting: int, mask: Mask | None) -> Ids:
        """See `Opened.search`."""
        self._index.expansion_search = setting
        ids: Ids = np.atleast_2d(self._index.search(queries, k, threads=1).keys).astype(np.int64)
        return ids


class Usearch:
    """usearch in bfloat16. Its Python interface has no filter."""

    name = "usearch bf16"
    settings: tuple[int, ...] = (32, 64, 128, 256)
    most = 200_000
    filters = False

    def build(self, rows: Rows, path: Path) -> None:
        """See `Peer.build`."""
        index = Index(ndim=rows.shape[1], metric="ip", dtype="bf16")
        index.add(np.arange(len(rows)), rows, threads=1)
        index.save(str(path))

    def open(self, rows: Rows, path: Path) -> OpenedUsearch:
        """See `Peer.open`."""
        return OpenedUsearch(Index.restore(str(path), view=False))
