"""The vectors of a segment: three kinds of query, under any filter, one by one or many at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import IndexCorrupt, QueryRefused
from retrieval.vectors.asked import Asked, Dimensions, Kind, Vectors
from retrieval.vectors.codes import Looked
from retrieval.vectors.engine import Barred, Engine, Held, Pairs
from retrieval.vectors.exact import CpuEngine, Picked
from retrieval.vectors.gathered import Gathered
from retrieval.vectors.kept import Kept, Rows
from retrieval.vectors.near import Near, NearPoint
from retrieval.vectors.plan import Plan, PlanName, Sought, plan
from retrieval.vectors.settling import narrow, settle

SELECTIONS = 32 << 20
"""Bytes of what the approximate index is told of filters: a bit a row, and a count a list."""
CODES = 128 << 20
"""Bytes of copies of filtered rows' codes that a table holds at most."""
_NO_ROWS = np.zeros(0, np.int64)
_NO_DISTANCES = np.zeros(0, np.float32)
_NO_PAIRS = Pairs(_NO_ROWS, _NO_ROWS)


@dataclass(frozen=True, slots=True)
class Scan:
    """Rows nearest first with their distances (1 - cosine, 0..2; ties by row), and how they were found."""

    rows: Rows
    distances: Vectors
    plan: str
    plan_reason: str


@dataclass(frozen=True, slots=True)
class _One:
    """One query, and what its rows come to."""

    number: int
    asked: Asked
    kept: Kept
    dropped: Rows
    """Where the rows it drops stand among its filter's, or among all."""
    found: int
    """Rows that may be found."""


class _Filters:
    """Numbers the filters of a batch. Equal names are not trusted to mean equal rows: what a filter keeps out stays out."""

    def __init__(self) -> None:
        self._bases: list[tuple[Hashable, Rows]] = []

    def number(self, kept: Kept) -> int:
        """-1 without a filter."""
        if kept.base is None:
            return -1
        for number, (name, base) in enumerate(self._bases):
            if base is kept.base or (name == kept.base_name and np.array_equal(base, kept.base)):
                return number
        self._bases.append((kept.base_name, kept.base))
        return len(self._bases) - 1


class VectorTable:
    """Rows [n, image + text] and the ways to search them. Searches may run in several threads."""

    def __init__(
        self, rows: Vectors, dimensions: Dimensions, near: Near | None = None, engine: Engine | None = None, *, copies: int | None = None
    ) -> None:
        """Search `rows`, of which no copy is made but of what filters keep, `copies` bytes at most or as the engine says.

        Raises:
            IndexCorrupt: when `near` is of other rows.
        """
        if near is not None and (near.note.rows, near.note.dimension) != rows.shape:
            raise IndexCorrupt("the approximate index is of another number of rows or another dimension", where="near.faiss")
        self.rows = rows
        self.dimensions = dimensions
        self.cases = len(rows)
        self._near = near
        self._engine, self._held = _held(engine or CpuEngine(), rows)
        self._copies = self._engine.room.copies if copies is None else copies
        self._gathered = Gathered(self._held.gather, self._copies)
        self._selected = None if near is None else Gathered(near.select, SELECTIONS)
        self._codes = None if near is None else Gathered(near.codes, CODES)

    @property
    def searched_by(self) -> str:
        """Name of the engine that makes exact scans: the CPU where another was given and the rows do not fit there."""
        return self._engine.name

    def scan(self, asked: Asked, kept: Kept, limit: int) -> Scan:
        """The `limit` nearest of the kept rows; fewer when fewer are kept, never a row -1. Exact unless the plan says otherwise.

        Raises:
            QueryRefused: when `limit` is under 1 or the query is not as long as its columns.
        """
        return self.scan_many([asked], [kept], limit)[0]

    def scan_many(self, asked: Sequence[Asked], kept: Sequence[Kept], limit: int) -> list[Scan]:
        """What `scan` gives for each pair of a query and its rows; queries of a kind under one filter share a product.

        Answers of exact plans are those of `scan` to the last bit. More queries make an exact plan cheaper, and so likelier.

        Raises:
            QueryRefused: when `limit` is under 1 or a query is not as long as its columns.
        """
        if limit < 1:
            raise QueryRefused("fewer than one neighbour is asked for")
        groups: dict[tuple[Kind, int], list[_One]] = {}
        filters = _Filters()
        for number, (one, rows) in enumerate(zip(asked, kept, strict=True)):
            self._check(one)
            dropped = rows.dropped_places()
            found = (self.cases if rows.base is None else len(rows.base)) - len(dropped)
            groups.setdefault((one.kind, filters.number(rows)), []).append(_One(number, one, rows, dropped, found))
        scans: dict[int, Scan] = {}
        for group in groups.values():
            scans.update(self._planned(group, limit, limit))
        return [scans[number] for number in range(len(asked))]

    def _check(self, asked: Asked) -> None:
        columns = self.dimensions.columns(asked.kind)
        if asked.vector.shape != (columns.stop - columns.start,):
            raise QueryRefused("a query vector is not as long as the columns it is compared with")

    def _planned(self, group: Sequence[_One], limit: int, wanted: int, whole: bool = False) -> Iterator[tuple[int, Scan]]:
        """The answers to queries of one kind under one filter, those of one plan together."""
        by_found = {found: self._plan(group[0], found, wanted, len(group), whole) for found in {one.found for one in group}}
        ways: dict[tuple[PlanName, NearPoint | None], list[_One]] = {}
        for one in group:
            chosen = by_found[one.found]
            ways.setdefault((chosen.name, chosen.point), []).append(one)
        for (name, point), ones in ways.items():
            reasons = [by_found[one.found].reason for one in ones]
            if name == "none":
                yield from ((one.number, Scan(_NO_ROWS, _NO_DISTANCES, name, reason)) for one, reason in zip(ones, reasons, strict=True))
            elif point is not None:
                yield from self._approximately(ones, name, point, reasons, limit)
            else:
                settled = self._settled(ones, self._exactly(ones, name, limit), [min(limit, one.found) for one in ones])
                for one, (rows, distances), reason in zip(ones, settled, reasons, strict=True):
                    yield one.number, Scan(rows, distances, name, reason)

    def _plan(self, one: _One, found: int, wanted: int, batch: int, whole: bool) -> Plan:
        base, columns = one.kept.base, self.dimensions.columns(one.asked.kind)
        return plan(
            Sought(
                cases=self.cases,
                base=None if base is None else len(base),
                kept=found,
                wanted=wanted,
                kind=one.asked.kind,
                columns=columns.stop - columns.start,
                batch=batch,
                copies_fit=base is not None and len(base) * self.rows.shape[1] * self._engine.room.value <= self._copies,
                note=None if self._near is None else self._near.note,
                rates=self._engine.rates,
                whole=whole,
            )
        )

    def _exactly(self, ones: Sequence[_One], name: PlanName, limit: int) -> Pairs:
        """Rows of the table that may be among the nearest of each query."""
        first = ones[0]
        base, columns, queries = first.kept.base, self.dimensions.columns(first.asked.kind), _queries(ones)
        most = min(limit, max(one.found for one in ones))
        if base is None or name == "exact scan over all rows":
            outside = None if base is None else ~Kept(base, None, _NO_ROWS).mask(self.cases)
            return self._held.nearest(columns, queries, most, _barred([one.kept.dropped for one in ones], outside))
        held: Held = self._gathered.of(first.kept.base_name, base) if name == "exact scan over kept rows" else Picked(self.rows, base)
        found = held.nearest(columns, queries, most, _barred([one.dropped for one in ones], None))
        return Pairs(found.query, base[found.position])

    def _approximately(
        self, ones: Sequence[_One], name: PlanName, point: NearPoint, reasons: Sequence[str], limit: int
    ) -> Iterator[tuple[int, Scan]]:
        """What codes find, less what may not be found. Where that is too little, or unsure, more is looked for, at last exactly."""
        columns, queries = self.dimensions.columns(ones[0].asked.kind), _queries(ones)
        looked = self._looked(ones[0].kept, name, point, columns, queries)
        needed = [min(limit + len(one.dropped), point.limit) for one in ones]
        nearest, sure = narrow(self.rows[:, columns], queries, looked, point.limit, needed)
        short = []
        settled = self._settled(ones, nearest, [point.limit] * len(ones))
        for one, (rows, distances), certain, reason in zip(ones, settled, sure.tolist(), reasons, strict=True):
            may = _may_be_found(rows, None if name == "codes of kept rows" else one.kept.base, one.kept.dropped)
            if not certain or np.count_nonzero(may) < min(limit, one.found):
                short.append(one)
            else:
                yield one.number, Scan(rows[may][:limit], distances[may][:limit], name, reason)
        if short:
            yield from self._planned(short, limit, point.limit + 1, whole=True)

    def _looked(self, kept: Kept, name: PlanName, point: NearPoint, columns: slice, queries: Vectors) -> Looked:
        assert self._near is not None
        if kept.base is None:
            return Looked(self._near.fetch(columns, queries, point.probes, point.fetch))
        if name == "codes of kept rows":
            assert self._codes is not None
            return self._codes.of(kept.base_name, kept.base).fetch(columns, queries, point.fetch)
        assert self._selected is not None
        only = self._selected.of(kept.base_name, kept.base)
        return Looked(self._near.fetch(columns, queries, point.probes, point.fetch, only))

    def _settled(self, ones: Sequence[_One], pairs: Pairs, limits: Sequence[int]) -> list[tuple[Rows, Vectors]]:
        return settle(self.rows[:, self.dimensions.columns(ones[0].asked.kind)], _queries(ones), pairs, limits)


def _held(engine: Engine, rows: Vectors) -> tuple[Engine, Held]:
    held = engine.hold(rows)
    return (CpuEngine(), CpuEngine().hold(rows)) if held is None else (engine, held)


def _queries(ones: Sequence[_One]) -> Vectors:
    return ones[0].asked.vector[None] if len(ones) == 1 else np.stack([one.asked.vector for one in ones])


def _may_be_found(rows: Rows, base: Rows | None, dropped: Rows) -> NDArray[np.bool_]:
    """Which of `rows` are in `base`, when there is one, and not dropped."""
    may = np.ones(len(rows), dtype=bool) if base is None else _among(rows, base)
    return may & ~_among(rows, dropped) if len(dropped) else may


def _among(rows: Rows, sorted_rows: Rows) -> NDArray[np.bool_]:
    at = np.searchsorted(sorted_rows, rows)
    at[at == len(sorted_rows)] = 0
    return np.asarray(sorted_rows[at] == rows, dtype=bool)


def _barred(dropped: Sequence[Rows], for_all: NDArray[np.bool_] | None) -> Barred:
    """What each query drops, sorted by position."""
    if not any(map(len, dropped)):
        return Barred(_NO_PAIRS, for_all)
    query = np.repeat(np.arange(len(dropped)), [len(one) for one in dropped])
    position = np.concatenate(dropped)
    order = np.argsort(position, kind="stable") if len(dropped) > 1 else slice(None)
    return Barred(Pairs(query[order], position[order]), for_all)
