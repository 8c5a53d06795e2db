"""milvus-lite and LanceDB, embedded: searched one query at a time through the interfaces that their users have."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.peer import Ids, Mask, Rows

_BATCH = 1_000
_NAME = "cases"


class OpenedMilvus:
    """A collection; a filter is an expression over the ids."""

    def __init__(self, client: Any) -> None:
        """Ask through `client`."""
        self._client = client

    def search(self, queries: Rows, k: int, setting: int, mask: Mask | None) -> Ids:
        """See `Opened.search`."""
        words = "" if mask is None else f"id in {np.flatnonzero(mask).tolist()}"
        hits = self._client.search(_NAME, queries.tolist(), limit=k, filter=words, search_params={"metric_type": "IP"})
        return np.array([[hit["id"] for hit in one] + [-1] * (k - len(one)) for one in hits])


class Milvus:
    """milvus-lite with a flat index."""

    name = "milvus-lite flat"
    settings: tuple[int, ...] = (0,)
    most = 20_000
    filters = True

    def build(self, rows: Rows, path: Path) -> None:
        """See `Peer.build`."""
        from pymilvus import MilvusClient

        path.mkdir()
        client = MilvusClient(str(path / "milvus.db"))
        client.create_collection(_NAME, dimension=rows.shape[1], metric_type="IP", auto_id=False)
        for start in range(0, len(rows), _BATCH):
            part = rows[start : start + _BATCH].tolist()
            client.insert(_NAME, [{"id": start + number, "vector": row} for number, row in enumerate(part)])
        client.close()

    def open(self, rows: Rows, path: Path) -> OpenedMilvus:
        """See `Peer.open`."""
        from pymilvus import MilvusClient

        client = MilvusClient(str(path / "milvus.db"))
        client.load_collection(_NAME)
        return OpenedMilvus(client)


class OpenedLance:
    """A table; a filter is a clause over the ids."""

    def __init__(self, table: Any) -> None:
        """Ask `table`."""
        self._table = table

    def search(self, queries: Rows, k: int, setting: int, mask: Mask | None) -> Ids:
        """See `Opened.search`."""
        words = None if mask is None else f"id IN ({', '.join(map(str, np.flatnonzero(mask).tolist()))})"
        return np.array([self._one(query, k, words) for query in queries])

    def _one(self, query: Rows, k: int, words: str | None) -> list[int]:
        asked = self._table.search(query).distance_type("dot").limit(k)
        if words is not None:
            asked = asked.where(words, prefilter=True)
        ids = asked.select(["id", "_distance"]).to_arrow()["id"].to_pylist()
        return [*ids, *[-1] * (k - len(ids))]


class Lance:
    """LanceDB without an index: flat."""

    name = "lancedb flat"
    settings: tuple[int, ...] = (0,)
    most = 20_000
    filters = True

    def build(self, rows: Rows, path: Path) -> None:
        """See `Peer.build`."""
        import lancedb
        import pyarrow as pa

        shutil.rmtree(path, ignore_errors=True)
        flat = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])
        lancedb.connect(str(path)).create_table(_NAME, pa.table({"id": pa.array(range(len(rows))), "vector": flat}))

    def open(self, rows: Rows, path: Path) -> OpenedLance:
        """See `Peer.open`."""
        import lancedb

        return OpenedLance(lancedb.connect(str(path)).open_table(_NAME))
