"""Rows on a GPU in float16, searched by a product and a top-k of torch: of what was measured on an H100, the fastest.

bench/GPU.md: 2 to 8 times as many queries a second as FAISS's flat index at 1, 64 and 1,024 queries at once; the best 40 in float16
scored again in float32 were the exact 10. Halves lose none but ties: four times the limit is fetched, and the table scores it again.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from retrieval.vectors.asked import Vectors
from retrieval.vectors.engine import Barred, Pairs
from retrieval.vectors.kept import Rows

FETCHED = 4
"""Rows fetched for each neighbour that is asked for."""
GROUP = 512
"""Products of which first the largest is looked at: of 4 M for each of 64 queries in .45 ms on an H200, where torch's top-k takes 2.0."""
_PRODUCTS = 1 << 28
"""Products made at once: 512 MiB of halves."""


class TorchRows:
    """Rows as halves where torch can multiply them."""

    def __init__(self, halves: Any) -> None:
        """Search the tensor `halves` [n, columns]."""
        self._halves = halves
        self.count = len(halves)
        self.nbytes = halves.numel() * halves.element_size()

    def nearest(self, columns: slice, queries: Vectors, limit: int, barred: Barred) -> Pairs:
        """See `Held.nearest`: four times the limit, of which none is barred."""
        torch = _torch()
        asked = torch.from_numpy(queries).to(self._halves.device, self._halves.dtype)
        best: Any = None
        size = max(limit * FETCHED, _PRODUCTS // len(queries))
        for start in range(0, self.count, size):
            products = asked @ self._halves[start : start + size, columns].T
            _bar(products, start, barred)
            values, rows = _largest(products, limit * FETCHED)
            mine = (values, rows + start)
            best = mine if best is None else _better(best, mine, limit * FETCHED)
        return _pairs(best)

    def gather(self, positions: Rows) -> TorchRows:
        """See `Held.gather`."""
        return TorchRows(self._halves.index_select(0, _torch().from_numpy(positions).to(self._halves.device)))


def hold(rows: Vectors, device: str) -> TorchRows:
    """`rows` [n, columns] as halves on `device`, copied block by block."""
    torch = _torch()
    halves = torch.empty(rows.shape, dtype=torch.float16, device=device)
    for start in range(0, len(rows), 1 << 18):
        halves[start : start + (1 << 18)] = torch.from_numpy(rows[start : start + (1 << 18)].astype(np.float16)).to(device)
    return TorchRows(halves)


def _largest(products: Any, most: int) -> tuple[Any, Any]:
    """The `most` largest of each query's products [q, n], fewer where there are fewer, and their columns; of ties any.

    To sort out millions for many queries costs more than to make them: so first the largest of each `GROUP`, of which no more than `most`
    matter. For one query torch's own is the faster.
    """
    torch, groups = _torch(), products.shape[1] // GROUP
    if groups <= most or len(products) == 1:
        found = torch.topk(products, min(most, products.shape[1]), dim=1)
        return found.values, found.indices
    together = products[:, : groups * GROUP].unflatten(1, (groups, GROUP))
    chosen = torch.topk(together.amax(2), most, dim=1, sorted=False).indices
    inside = torch.gather(together, 1, chosen[:, :, None].expand(-1, -1, GROUP))
    columns = chosen[:, :, None] * GROUP + torch.arange(GROUP, device=products.device)
    rest = torch.arange(groups * GROUP, products.shape[1], device=products.device).expand(len(products), -1)
    found = torch.topk(torch.cat((inside.flatten(1), products[:, groups * GROUP :]), 1), most, dim=1)
    return found.values, torch.gather(torch.cat((columns.flatten(1), rest), 1), 1, found.indices)


def _better(best: Any, mine: Any, limit: int) -> Any:
    torch = _torch()
    values, rows = torch.cat((best[0], mine[0]), 1), torch.cat((best[1], mine[1]), 1)
    top = torch.topk(values, min(limit, values.shape[1]), dim=1)
    return top.values, torch.gather(rows, 1, top.indices)


def _bar(products: Any, start: int, barred: Barred) -> None:
    torch, stop = _torch(), start + products.shape[1]
    if barred.for_all is not None:
        products[:, torch.from_numpy(barred.for_all[start:stop]).to(products.device)] = -torch.inf
    first, last = np.searchsorted(barred.pairs.position, (start, stop))
    query, position = (
        torch.from_numpy(part).to(products.device) for part in (barred.pairs.query[first:last], barred.pairs.position[first:last])
    )
    products[query, position - start] = -torch.inf


def _pairs(best: Any) -> Pairs:
    if best is None:
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
    values, rows = (part.cpu().numpy() for part in best)
    query, place = np.nonzero(np.isfinite(values))
    return Pairs(query, rows[query, place])


def _torch() -> Any:
    return importlib.import_module("torch")
