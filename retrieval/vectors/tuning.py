"""How many lists and rows an answer needs: measured for each kind of query, on rows that nothing was trained on.

Such a row is asked as if it were new, itself left out: among all rows, in few lists and in all of them, and in few among those that
a filter keeps which is drawn at random. Where a filter keeps less, all it keeps is looked at: what was found in all lists holds there.
Where no setting finds enough there is none, and the plan stays exact. The settings depend on the vectors alone, not on the machine's
speed: the same archive gives the same settings.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from retrieval.vectors.asked import KINDS, Asked, Dimensions, Kind, Vectors, ask
from retrieval.vectors.engine import Barred, Pairs
from retrieval.vectors.exact import HeldRows, Picked
from retrieval.vectors.kept import Rows
from retrieval.vectors.near import Near, NearPoint, Selected
from retrieval.vectors.settling import settle

ENOUGH = 0.985
"""Share of the true nearest that a setting must find; over the .98 that is promised by what 2,560 draws may err."""
ENOUGH_FILTERED = 0.993
"""The same under a filter, where .99 is promised."""
SHARES = (0.3,)
"""What filters keep that settings for few lists are sought for; where less is kept, to look at all of its codes is shorter."""
LIMITS = (10, 64, 256)
"""Settings are sought for these numbers of neighbours."""
_PROBES = tuple(lists for power in range(1, 12) for lists in (2**power, 3 * 2 ** (power - 1)))
"""Lists looked at: to look at all of them is still many times as fast as an exact scan."""
_FETCHES = (2, 4, 8, 16, 32)
"""Rows fetched for each neighbour that is asked for."""
MOST_FETCHED = 2_048
"""Rows fetched at most."""
_LIST_COST, _ROW_COST = 10, 25
"""What a list and a fetched row cost, in codes looked at, measured at 100,000 x 384."""


_NONE = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class _Archive:
    """The rows, and which of them are asked for."""

    rows: Vectors
    held_out: Rows
    dimensions: Dimensions
    weight: float

    def queries(self, kind: Kind) -> Vectors:
        """[held out, columns of the kind]."""
        return np.stack([_as_asked(self.rows[row], kind, self.dimensions, self.weight).vector for row in self.held_out])


@dataclass(frozen=True, slots=True)
class _Among:
    """The rows that may be found."""

    share: float
    base: Rows | None
    """Sorted; None for all."""
    only: Selected | None
    """The same, as the index is told of them."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """Queries of one kind: rows of the table, asked for their neighbours, and the truth about them."""

    kind: Kind
    columns: slice
    queries: Vectors
    among: _Among
    keys: Rows
    """The nearest rows of each query, as its number times the rows plus the row, ascending: the largest limit, and ties with the last."""
    distances: Vectors
    """Of them."""
    last: Vectors
    """[queries, largest limit]: distances of the nearest, ascending."""


def tune(
    rows: Vectors, near: Near, *, held_out: Rows, dimensions: Dimensions, weight: float, most: int = MOST_FETCHED
) -> tuple[NearPoint, ...]:
    """The cheapest setting that finds enough, for each kind of query, number of neighbours and share of the rows.

    Args:
        rows: [n, image + text].
        near: An index over them.
        held_out: Rows to ask for, each left out of its own answer.
        dimensions: Of the rows.
        weight: Of the image in fused queries.
        most: Rows that `near` can fetch, less one.
    """
    archive, points = _Archive(rows, held_out, dimensions, weight), list[NearPoint]()
    for among in (_Among(1.0, None, None), *(_drawn(len(rows), share, held_out, near) for share in SHARES)):
        for kind in KINDS if among.base is None else sorted({point.kind for point in points}):
            trial = _trial(archive, kind, among)
            looks = _Looks(trial, near, most + 1)
            limits = [limit for limit in LIMITS if limit <= trial.last.shape[1]]
            points += [point for limit in limits if (point := _cheapest(trial, looks, limit))]
            if among.base is None:
                points += [point for limit in limits if (point := _whole(trial, looks, limit))]
    return tuple(points)


def _drawn(count: int, share: float, held_out: Rows, near: Near) -> _Among:
    """A filter that keeps a share at random, the same for a count, and none of what is asked for."""
    mask = np.random.default_rng(count).random(count) < share
    mask[held_out] = False
    base = np.flatnonzero(mask)
    return _Among(share, base, near.select(base))


def _trial(archive: _Archive, kind: Kind, among: _Among) -> _Trial:
    columns, queries = archive.dimensions.columns(kind), archive.queries(kind)
    pairs = _truly(archive, columns, queries, among)
    settled = settle(archive.rows[:, columns], queries, pairs, [len(archive.rows)] * len(queries))
    limit = min(max(LIMITS), *(len(found) for found, _ in settled))
    keys = np.concatenate([number * len(archive.rows) + found for number, (found, _) in enumerate(settled)])
    order, distances = np.argsort(keys), np.concatenate([distances for _, distances in settled])
    last = np.stack([distances[:limit] for _, distances in settled])
    return _Trial(kind, columns, queries, among, keys[order], distances[order], last)


def _truly(archive: _Archive, columns: slice, queries: Vectors, among: _Among) -> Pairs:
    """Whatever may be among the nearest, by a scan of all that may be found."""
    rows, most = archive.rows, max(LIMITS)
    if among.base is None:
        own = Barred(Pairs(np.arange(len(archive.held_out)), archive.held_out))
        return HeldRows(rows, 0).nearest(columns, queries, min(most, len(rows) - 1), own)
    if not len(among.base):
        return _NONE
    found = Picked(rows, among.base).nearest(columns, queries, min(most, len(among.base)), Barred(_NONE))
    return Pairs(found.query, among.base[found.position])


class _Looks:
    """What the index finds, by the lists it looks at and the neighbours asked for: looked at once, and only when it is asked for."""

    def __init__(self, trial: _Trial, near: Near, most: int) -> None:
        self._trial, self._near, self._most = trial, near, most
        self._known: dict[tuple[int, int], Vectors] = {}
        self._own = int(trial.among.base is None)

    def settings(self, limit: int, enough: float) -> Iterator[tuple[int, int]]:
        """(lists, rows fetched), the cheapest first; none of so few lists that all that is fetched from them is too little."""
        a_list = self._near.note.rows / self._near.note.lists + _LIST_COST
        probes = [lists for lists in _PROBES if lists <= self._near.note.lists]
        fetches = self.fetches(limit)
        fewest = bisect.bisect_left(probes, True, key=lambda lists: self.recall(limit, lists, fetches[-1]) >= enough)
        each = [(lists, fetch) for lists in probes[fewest:] for fetch in fetches]
        yield from sorted(each, key=lambda one: one[0] * a_list + one[1] * _ROW_COST)

    @property
    def lists(self) -> int:
        """All of the index."""
        return self._near.note.lists

    def fetches(self, limit: int) -> list[int]:
        """How many rows may be fetched, the fewest first."""
        return [limit * times for times in _FETCHES if limit * times < self._most]

    def recall(self, limit: int, probes: int, fetch: int) -> float:
        """Share of the `limit` nearest that are fetched; of what ties with the last, any will do."""
        true = self._found(limit, probes, fetch) <= self._trial.last[:, limit - 1, None]
        return float(np.minimum(true.sum(axis=1), limit).mean()) / limit

    def _found(self, limit: int, probes: int, fetch: int) -> Vectors:
        """[queries, fetched]: the distance of each fetched row if it is among the nearest, infinite else."""
        if (limit, probes) not in self._known:
            trial, most = self._trial, min(limit * max(_FETCHES) + self._own, self._most)
            pairs = self._near.fetch(trial.columns, trial.queries, probes, most, trial.among.only)
            self._known[limit, probes] = _true(trial, pairs, most, self._near.note.rows)
        return self._known[limit, probes][:, : fetch + self._own]  # one more where the query's own row may be among them


def _true(trial: _Trial, pairs: Pairs, most: int, count: int) -> Vectors:
    found = np.full((len(trial.queries), most), np.inf, dtype=np.float32)
    keys = pairs.query * count + pairs.position
    at = np.minimum(np.searchsorted(trial.keys, keys), len(trial.keys) - 1)
    place = np.arange(len(keys)) - np.searchsorted(pairs.query, pairs.query)
    found[pairs.query, place] = np.where(trial.keys[at] == keys, trial.distances[at], np.inf)
    return found


def _cheapest(trial: _Trial, looks: _Looks, limit: int) -> NearPoint | None:
    """The first setting, by its cost, that finds enough."""
    enough = ENOUGH if trial.among.share == 1 else ENOUGH_FILTERED
    return _first(trial, looks, limit, looks.settings(limit, enough), enough)


def _whole(trial: _Trial, looks: _Looks, limit: int) -> NearPoint | None:
    """The fewest rows fetched of all lists that find what is promised under filters."""
    return _first(trial, looks, limit, ((looks.lists, fetch) for fetch in looks.fetches(limit)), ENOUGH_FILTERED)


def _first(trial: _Trial, looks: _Looks, limit: int, settings: Iterable[tuple[int, int]], enough: float) -> NearPoint | None:
    for probes, fetch in settings:
        recall = looks.recall(limit, probes, fetch)
        if recall >= enough:
            share = trial.among.share
            return NearPoint(kind=trial.kind, limit=limit, probes=probes, fetch=fetch, recall=round(recall, 4), share=share)
    return None


def _as_asked(row: Vectors, kind: Kind, dimensions: Dimensions, weight: float) -> Asked:
    image, text = row[dimensions.columns("image")], row[dimensions.columns("text")]
    return ask(None if kind == "text" else image, None if kind == "image" else text, weight, dimensions)
