"""How many lists and rows an answer needs: measured for each kind of query, on rows that nothing was trained on.

Such a row is asked as if it were new, itself left out. Where no setting finds enough there is none, and the plan stays exact. The
settings depend on the vectors alone, not on the machine's speed: the same archive gives the same settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retrieval.vectors.asked import KINDS, Asked, Dimensions, Kind, Vectors, ask
from retrieval.vectors.engine import Barred, Pairs
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.kept import Rows
from retrieval.vectors.near import Near, NearPoint
from retrieval.vectors.settling import settle

ENOUGH = 0.985
"""Share of the true nearest that a setting must find; over the .98 that is promised by what 2,560 draws may err."""
LIMITS = (10, 64, 256)
"""Settings are sought for these numbers of neighbours."""
_PROBES = tuple(2**power for power in range(1, 12))
"""Lists looked at: to look at all of them is still many times as fast as an exact scan."""
_FETCHES = (2, 4, 8, 16)
"""Rows fetched for each neighbour that is asked for."""
MOST_FETCHED = 2_048
"""Rows fetched at most."""
_LIST_COST, _ROW_COST = 10, 25
"""What a list and a fetched row cost, in codes scanned, measured at 100,000 x 384."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """Queries of one kind: rows of the table, asked for their neighbours, and the truth about them."""

    kind: Kind
    columns: slice
    queries: Vectors
    nearest: tuple[tuple[Rows, Vectors], ...]
    """For each query its nearest rows, sorted by row, with their distances: the largest limit, and whatever ties with the last."""
    last: Vectors
    """[queries, largest limit]: distances of the nearest, ascending."""


def tune(
    rows: Vectors, near: Near, *, held_out: Rows, dimensions: Dimensions, weight: float, most: int = MOST_FETCHED
) -> tuple[NearPoint, ...]:
    """The cheapest setting that finds enough, for each kind of query and number of neighbours.

    Args:
        rows: [n, image + text].
        near: An index over them.
        held_out: Rows to ask for, each left out of its own answer.
        dimensions: Of the rows.
        weight: Of the image in fused queries.
        most: Rows that `near` can fetch, less one.
    """
    points: list[NearPoint] = []
    probes = [lists for lists in _PROBES if lists <= near.note.lists]
    a_list = near.note.rows / near.note.lists + _LIST_COST
    for kind in KINDS:
        trial = _trial(rows, kind, held_out, dimensions, weight)
        looks = {lists: _found(trial, near.fetch(trial.columns, trial.queries, lists, most + 1), most + 1) for lists in probes}
        for limit in (limit for limit in LIMITS if limit <= trial.last.shape[1]):
            point = _cheapest(trial, looks, limit, a_list)
            points += [] if point is None else [point]
    return tuple(points)


def _trial(rows: Vectors, kind: Kind, held_out: Rows, dimensions: Dimensions, weight: float) -> _Trial:
    columns = dimensions.columns(kind)
    queries = np.stack([_as_asked(rows[row], kind, dimensions, weight).vector for row in held_out])
    limit = min(max(LIMITS), len(rows) - 1)
    pairs = CpuEngine().hold(rows).nearest(columns, queries, limit, Barred(Pairs(np.arange(len(held_out)), held_out)))
    settled = settle(rows[:, columns], queries, pairs, [len(rows)] * len(queries))
    order = [np.argsort(found) for found, _ in settled]
    nearest = tuple((found[by_row], distances[by_row]) for (found, distances), by_row in zip(settled, order, strict=True))
    return _Trial(kind, columns, queries, nearest, np.stack([distances[:limit] for _, distances in settled]))


def _found(trial: _Trial, pairs: Pairs, most: int) -> Vectors:
    """[queries, most]: the distance of each fetched row if it is among the nearest, infinite else."""
    found = np.full((len(trial.queries), most), np.inf, dtype=np.float32)
    ends = np.searchsorted(pairs.query, np.arange(len(trial.queries) + 1)).tolist()
    for number, (rows, distances) in enumerate(trial.nearest):
        fetched = pairs.position[ends[number] : ends[number + 1]]
        at = np.minimum(np.searchsorted(rows, fetched), len(rows) - 1)
        found[number, : len(fetched)] = np.where(rows[at] == fetched, distances[at], np.inf)
    return found


def _cheapest(trial: _Trial, looks: Mapping[int, Vectors], limit: int, a_list: float) -> NearPoint | None:
    """The first setting, by its cost, that finds enough."""
    settings = [(probes, limit * times) for probes in looks for times in _FETCHES if limit * times < next(iter(looks.values())).shape[1]]
    for probes, fetch in sorted(settings, key=lambda one: one[0] * a_list + one[1] * _ROW_COST):
        true = looks[probes][:, : fetch + 1] <= trial.last[:, limit - 1, None]  # one more: the query's own row
        recall = float(np.minimum(true.sum(axis=1), limit).mean()) / limit  # of what ties with the last, any will do
        if recall >= ENOUGH:
            return NearPoint(kind=trial.kind, limit=limit, probes=probes, fetch=fetch, recall=round(recall, 4))
    return None


def _as_asked(row: Vectors, kind: Kind, dimensions: Dimensions, weight: float) -> Asked:
    image, text = row[dimensions.columns("image")], row[dimensions.columns("text")]
    return ask(None if kind == "text" else image, None if kind == "image" else text, weight, dimensions)
