"""The first look: whatever may be among the nearest, and little else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.vectors.engine import Barred, Held, Pairs
from retrieval.vectors.exact import CpuEngine, Picked, slack

if TYPE_CHECKING:
    from tests.retrieval.vectors.conftest import Archive

NOTHING = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))


@given(seed=st.integers(0, 1_000), columns=st.integers(1, 900))
def test_a_product_in_float32_errs_by_less_than_half_the_slack(seed: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((50, columns)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    query = rows[:1] + np.float32(0.01)
    true = (rows.astype(np.float64) * query).sum(axis=1)
    assert np.abs(rows @ query[0] - true).max() < slack(query[0]) / 2


def test_candidates_are_few_and_hold_the_nearest(archive: Archive) -> None:
    rows = archive.rows(5_000)
    queries = np.stack([one.vector for one in archive.asked(7)])
    found = CpuEngine().hold(rows).nearest(slice(0, 40), queries, 10, Barred(NOTHING))
    for number in range(7):
        mine = set(found.position[found.query == number].tolist())
        assert set(np.argsort(-(rows @ queries[number]))[:10].tolist()) <= mine
        assert len(mine) <= 15


@pytest.mark.parametrize("rows_are", ["whole", "picked"])
def test_what_is_barred_is_never_a_candidate(archive: Archive, rows_are: str) -> None:
    rows = archive.rows(200)
    queries = np.stack([one.vector for one in archive.asked(2)])
    held: Held = CpuEngine().hold(rows) if rows_are == "whole" else Picked(rows, np.arange(200))
    for_all = np.arange(200) % 2 == 0
    barred = Barred(Pairs(np.array([1, 0]), np.array([3, 5])), for_all)
    found = held.nearest(slice(0, 40), queries, 200, barred)
    assert sorted(found.position[found.query == 0].tolist()) == [row for row in range(1, 200, 2) if row != 5]
    assert sorted(found.position[found.query == 1].tolist()) == [row for row in range(1, 200, 2) if row != 3]


def test_rows_are_gathered_from_rows_and_from_picked_rows(archive: Archive) -> None:
    rows = archive.rows(100)
    query = archive.asked(1)[0].vector[None]
    gathered = CpuEngine().hold(rows).gather(np.array([10, 20, 30, 40])).gather(np.array([1, 3]))
    picked = Picked(rows, np.array([10, 20, 30, 40])).gather(np.array([1, 3]))
    for held in (gathered, picked):
        assert (held.count, held.nbytes) == (2, 2 * 40 * 4)
        assert sorted(held.nearest(slice(0, 40), query, 5, Barred(NOTHING)).position.tolist()) == [0, 1]
    assert CpuEngine().hold(rows).nbytes == 0
