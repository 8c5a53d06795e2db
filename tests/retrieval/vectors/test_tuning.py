"""Settings are measured on rows held out, and the cheapest that finds enough is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from retrieval.vectors import NearNote, Vectors
from retrieval.vectors.codes import KeptCodes
from retrieval.vectors.engine import Barred, Pairs
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.near import Selected
from retrieval.vectors.tuning import SHARES, tune

if TYPE_CHECKING:
    from tests.retrieval.vectors.conftest import Archive


class Chancy:
    """Finds each of the rows asked for with a chance that grows with the lists looked at: an index whose recall is known."""

    def __init__(self, rows: Vectors, full_at: int, lists: int = 64) -> None:
        self._rows, self._full_at = rows, full_at
        self.asked: list[tuple[int, int]] = []
        self.note = NearNote(factory=f"IVF{lists},chance", rows=len(rows), dimension=rows.shape[1], points=())

    def select(self, base: np.ndarray) -> Selected:
        mask = np.zeros(len(self._rows), dtype=bool)
        mask[base] = True
        return Selected(np.packbits(mask, bitorder="little"), np.zeros(self.note.lists, np.int64), len(base))

    def codes(self, base: np.ndarray) -> KeptCodes:
        raise AssertionError("settings are sought in lists")

    def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int, only: Selected | None = None) -> Pairs:
        self.asked.append((probes, fetch))
        none = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
        out = None if only is None else ~np.unpackbits(only.bits, count=len(self._rows), bitorder="little").astype(bool)
        found = CpuEngine().hold(self._rows).nearest(columns, queries, fetch, Barred(none, out))
        order = np.lexsort((-(self._rows[found.position][:, columns] * queries[found.query]).sum(axis=1), found.query))
        order = order[np.random.default_rng(1).random(len(order)) < probes / self._full_at]
        return Pairs(found.query[order], found.position[order])


@pytest.mark.parametrize(("full_at", "probes"), [(2, 2), (8, 8), (32, 32)])
def test_the_fewest_lists_that_find_enough_are_taken(archive: Archive, full_at: int, probes: int) -> None:
    rows = archive.rows(600)
    near = Chancy(rows, full_at)
    points = tune(rows, near, held_out=np.arange(12), dimensions=archive.dimensions, weight=0.5)
    assert {(point.kind, point.limit) for point in points if point.share == 1} == {
        (kind, limit) for kind in ("image", "text", "fused") for limit in (10, 64, 256)
    }
    assert {point.share for point in points} == {1.0, *(share for share in SHARES if share * 600 > 15)}
    assert {point.probes for point in points} == {probes, near.note.lists}
    assert {point.recall for point in points} == {1.0}
    for kind in ("image", "text", "fused"):
        cheapest = note.point(kind, 10) if (note := near.note.model_copy(update={"points": points})) else None
        assert cheapest is not None
        assert cheapest.probes == probes, "what looks at all comes after what is cheaper"


def test_where_all_lists_do_not_find_enough_there_is_no_setting(archive: Archive) -> None:
    rows = archive.rows(600)
    near = Chancy(rows, 64, lists=32)
    assert tune(rows, near, held_out=np.arange(12), dimensions=archive.dimensions, weight=0.5) == ()
    assert max(probes for probes, _ in near.asked) == 32


def test_equal_rows_count_as_found(archive: Archive) -> None:
    """Of a hundred copies any ten are the nearest ten, whichever an index names."""
    rows = np.repeat(archive.rows(20), 100, axis=0)

    class Backwards(Chancy):
        def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int, only: Selected | None = None) -> Pairs:
            products = rows[:, columns] @ queries.T
            if only is not None:
                products[~np.unpackbits(only.bits, count=len(rows), bitorder="little").astype(bool)] = -3
            order = np.argsort(-products[::-1], axis=0, kind="stable")[:fetch]
            return Pairs(np.repeat(np.arange(len(queries)), len(order)), (len(rows) - 1 - order.T).ravel())

    points = tune(rows, Backwards(rows, 2), held_out=np.arange(0, 2_000, 50), dimensions=archive.dimensions, weight=0.5)
    assert {point.recall for point in points} == {1.0}


def test_a_limit_that_the_table_has_no_rows_for_is_left_out(archive: Archive) -> None:
    rows = archive.rows(60)
    points = tune(rows, Chancy(rows, 2), held_out=np.arange(20), dimensions=archive.dimensions, weight=0.5)
    assert {point.limit for point in points} == {10}


@pytest.mark.parametrize(("every", "shares", "whole"), [(40, {1.0, *SHARES}, True), (10, {1.0}, False), (5, set(), False)])
def test_under_filters_more_must_be_found(archive: Archive, every: int, shares: set[float], whole: bool) -> None:
    """An index that loses one of ten neighbours of every so many queries: .985 is enough among all rows, .993 under filters."""
    rows = archive.rows(1_000)

    class Losing(Chancy):
        def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int, only: Selected | None = None) -> Pairs:
            pairs = super().fetch(columns, queries, 10_000, fetch, only)
            rank = np.arange(len(pairs.query)) - np.searchsorted(pairs.query, pairs.query)
            stays = (rank < fetch) & ((pairs.query % every > 0) | (rank != 1))  # without a filter the first is the query's own row
            return Pairs(pairs.query[stays], pairs.position[stays])

    near = Losing(rows, 1)
    points = tune(rows, near, held_out=np.arange(0, 1_000, 25), dimensions=archive.dimensions, weight=0.5)
    assert {point.share for point in points if point.limit == 10} == shares
    note = near.note.model_copy(update={"points": points})
    at_all = note.whole("fused", 10)
    assert at_all is not None
    assert (at_all.limit == 10) is whole
