"""FAISS: flat, inverted file, graph; filters by its selectors."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.peer import Ids, Mask, Rows

faiss: Any = importlib.import_module("faiss")  # its types change with every release


class OpenedFaiss:
    """A FAISS index and the parameters it takes."""

    def __init__(self, index: Any, parameters: Any, name: str) -> None:
        """`name` is that of what is set."""
        self._index, self._parameters, self._name = index, parameters, name

    def search(self, queries: Rows, k: int, setting: int, mask: Mask | None) -> Ids:
        """See `Opened.search`."""
        given: dict[str, Any] = {self._name: setting} if self._name else {}
        if mask is not None:
            given["sel"] = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
        ids: Ids = self._index.search(queries, k, params=self._parameters(**given))[1]
        return ids


class Flat:
    """IndexFlatIP: exact."""

    name = "faiss Flat"
    settings: tuple[int, ...] = (0,)
    most = 10_000_000
    filters = True

    def build(self, rows: Rows, path: Path) -> None:
        """See `Peer.build`."""
        index = faiss.IndexFlatIP(rows.shape[1])
        index.add(rows)
        faiss.write_index(index, str(path))

    def open(self, rows: Rows, path: Path) -> OpenedFaiss:
        """See `Peer.open`."""
        return OpenedFaiss(faiss.read_index(str(path)), faiss.SearchParameters, "")


class InvertedFile:
    """IndexIVFFlat, four times the root of the rows in lists, as FAISS's guidelines say."""

    name = "faiss IVFFlat"
    settings: tuple[int, ...] = (4, 16, 64, 256)
    most = 10_000_000
    filters = True

    def build(self, rows: Rows, path: Path) -> None:
        """See `Peer.build`."""
        lists = int(4 * math.sqrt(len(rows)))
        index = faiss.index_factory(rows.shape[1], f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = 6
        index.train(rows[np.sort(np.random.default_rng(0).permutation(len(rows))[: 40 * lists])])
        index.add(rows)
        faiss.write_index(index, str(path))

    def open(self, rows: Rows, path: Path) -> OpenedFaiss:
        """See `Peer.open`."""
        return OpenedFaiss(faiss.read_index(str(path)), faiss.SearchParametersIVF, "nprobe")


class Graph:
    """HNSW over the vectors, or over 8-bit codes of them."""

    settings: tuple[int, ...] = (32, 64, 128, 256)
    most = 200_000
    filters = True

    def __init__(self, name: str, factory: str) -> None:
        """E.g. `HNSW32,SQ8`."""
        self.name, self._factory = name, factory

    def build(self, rows: Rows, path: Path) -> None:
        """See `Peer.build`."""
        index = faiss.index_factory(rows.shape[1], self._factory, faiss.METRIC_INNER_PRODUCT)
        index.train(rows[:65_536])
        index.add(rows)
        faiss.write_index(index, str(path))

    def open(self, rows: Rows, path: Path) -> OpenedFaiss:
        """See `Peer.open`."""
        return OpenedFaiss(faiss.read_index(str(path)), faiss.SearchParametersHNSW, "efSearch")
