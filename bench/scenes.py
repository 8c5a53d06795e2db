"""What is searched for in the benchmark of the case index: queries under a filter, and the true nearest."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.clustered import HALF, clustered, kept
from bench.peers.peer import Ids, Mask, Rows
from retrieval.vectors import Asked, Dimensions, Kept, VectorTable, ask

K = 10
BATCH = 64
SHARES = (0.1, 0.01, 0.001)
DIMENSIONS = Dimensions(HALF, HALF)
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Scene:
    """Queries under one filter, and the true nearest."""

    filter: str
    queries: Rows
    mask: Mask | None
    asked: tuple[Asked, ...]
    kept: Kept
    truth: Ids

    def recall(self, ids: Ids) -> float:
        """Share of the true nearest that `ids` hold, of the queries they answer."""
        pairs = [(set(mine), set(true) - {-1}) for mine, true in zip(ids.tolist(), self.truth.tolist(), strict=False)]
        return sum(len(mine & true) for mine, true in pairs) / sum(len(true) for _, true in pairs)


@dataclass
class Ours:
    """The table of this project, searched as a `Stack` does."""

    table: VectorTable
    plans: set[str] = field(default_factory=set)

    def search(self, scene: Scene, batch: int, most: int = BATCH) -> Ids:
        """Ids [queries, K]."""
        found = []
        for start in range(0, min(most, len(scene.asked)), batch):
            asked = scene.asked[start : start + batch]
            found += self.table.scan_many(asked, [scene.kept] * len(asked), K)
        self.plans = {scan.plan for scan in found}
        return np.array([scan.rows.tolist() + [-1] * (K - len(scan.rows)) for scan in found])


def all_scenes(rows: Rows) -> list[Scene]:
    """Nothing filtered; then random filters, and filters that keep what is like the queries."""
    drawn, topic = clustered(2_048, 2), clustered(1, 5)[0]
    alike = drawn[np.argsort(-(drawn @ topic), kind="stable")[:BATCH]]
    scenes = [_scene("all", rows, drawn[:BATCH], None)]
    for share in SHARES:
        scenes.append(_scene(f"{share:.1%} random", rows, drawn[:BATCH], kept(rows, share, None)))
        scenes.append(_scene(f"{share:.1%} clustered", rows, alike, kept(rows, share, topic)))
    return scenes


def _scene(name: str, rows: Rows, queries: Rows, mask: Mask | None) -> Scene:
    base = None if mask is None else np.flatnonzero(mask)
    asked = tuple(ask(query[:HALF], query[HALF:], 0.5, DIMENSIONS) for query in queries)
    halves = np.stack([one.vector for one in asked])
    return Scene(name, halves, mask, asked, Kept(base, name, _NONE), _nearest(rows, halves, base))


def _nearest(rows: Rows, queries: Rows, base: NDArray[np.int64] | None) -> Ids:
    """The true nearest: twice as many as are asked for by a product of numpy, told apart in float64."""
    among = np.arange(len(rows)) if base is None else base
    best = np.full((len(queries), 2 * K), -np.inf, dtype=np.float32)
    ids = np.full((len(queries), 2 * K), -1)
    for start in range(0, len(among), 65_536):
        part = among[start : start + 65_536]
        products = np.hstack((best, queries @ rows[part].T))
        whose = np.hstack((ids, np.tile(part, (len(queries), 1))))
        order = np.argsort(-products, axis=1, kind="stable")[:, : 2 * K]
        best, ids = np.take_along_axis(products, order, 1), np.take_along_axis(whose, order, 1)
    exact = np.where(ids < 0, -np.inf, np.einsum("qkd,qd->qk", rows[ids], queries, dtype=np.float64))
    return np.take_along_axis(ids, np.argsort(-exact, axis=1, kind="stable")[:, :K], 1)
