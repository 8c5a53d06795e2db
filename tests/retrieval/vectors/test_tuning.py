"""Settings are measured on rows held out, and the cheapest that finds enough is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from retrieval.vectors import NearNote, Vectors
from retrieval.vectors.engine import Barred, Pairs
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.tuning import tune

if TYPE_CHECKING:
    from tests.retrieval.vectors.conftest import Archive


class Chancy:
    """Finds each of the rows asked for with a chance that grows with the lists looked at: an index whose recall is known."""

    def __init__(self, rows: Vectors, full_at: int, lists: int = 64) -> None:
        self._rows, self._full_at = rows, full_at
        self.asked: list[tuple[int, int]] = []
        self.note = NearNote(factory=f"IVF{lists},chance", rows=len(rows), dimension=rows.shape[1], points=())

    def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int) -> Pairs:
        self.asked.append((probes, fetch))
        none = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
        found = CpuEngine().hold(self._rows).nearest(columns, queries, fetch, Barred(none))
        order = np.lexsort((-(self._rows[found.position][:, columns] * queries[found.query]).sum(axis=1), found.query))
        order = order[np.random.default_rng(1).random(len(order)) < probes / self._full_at]
        return Pairs(found.query[order], found.position[order])


@pytest.mark.parametrize(("full_at", "probes"), [(2, 2), (8, 8), (32, 32)])
def test_the_fewest_lists_that_find_enough_are_taken(archive: Archive, full_at: int, probes: int) -> None:
    rows = archive.rows(600)
    near = Chancy(rows, full_at)
    points = tune(rows, near, held_out=np.arange(12), dimensions=archive.dimensions, weight=0.5)
    assert {(point.kind, point.limit) for point in points} == {
        (kind, limit) for kind in ("image", "text", "fused") for limit in (10, 64, 256)
    }
    assert {point.probes for point in points} == {probes}
    assert {point.recall for point in points} == {1.0}


def test_where_all_lists_do_not_find_enough_there_is_no_setting(archive: Archive) -> None:
    rows = archive.rows(600)
    near = Chancy(rows, 64, lists=32)
    assert tune(rows, near, held_out=np.arange(12), dimensions=archive.dimensions, weight=0.5) == ()
    assert max(probes for probes, _ in near.asked) == 32


def test_equal_rows_count_as_found(archive: Archive) -> None:
    """Of a hundred copies any ten are the nearest ten, whichever an index names."""
    rows = np.repeat(archive.rows(20), 100, axis=0)

    class Backwards(Chancy):
        def fetch(self, columns: slice, queries: Vectors, probes: int, fetch: int) -> Pairs:
            products = rows[:, columns] @ queries.T
            order = np.argsort(-products[::-1], axis=0, kind="stable")[:fetch]
            return Pairs(np.repeat(np.arange(len(queries)), len(order)), (len(rows) - 1 - order.T).ravel())

    points = tune(rows, Backwards(rows, 2), held_out=np.arange(0, 2_000, 50), dimensions=archive.dimensions, weight=0.5)
    assert {point.recall for point in points} == {1.0}


def test_a_limit_that_the_table_has_no_rows_for_is_left_out(archive: Archive) -> None:
    rows = archive.rows(60)
    points = tune(rows, Chancy(rows, 2), held_out=np.arange(20), dimensions=archive.dimensions, weight=0.5)
    assert {point.limit for point in points} == {10}
