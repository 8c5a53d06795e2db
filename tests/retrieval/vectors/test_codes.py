"""Of what a filter keeps every code is looked at, and nothing else."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest

from retrieval.vectors.codes import FaissCodes, unpacked

if TYPE_CHECKING:
    from retrieval.vectors import Vectors
    from tests.retrieval.vectors.conftest import Archive

CASES = 1_003
"""No multiple of the 32 codes that lie across each other."""
BASE = np.arange(2, CASES, 5)


@pytest.fixture(scope="module")
def rows(archive: Archive) -> Vectors:
    return archive.rows(CASES)


@pytest.fixture(scope="module")
def index(rows: Vectors) -> Any:
    made = faiss.index_factory(40, "IVF7,PQ10x4fs", faiss.METRIC_INNER_PRODUCT)
    made.train(rows)
    made.add(rows[:500])
    made.add(rows[500:])
    return made


@pytest.fixture(scope="module")
def codes(index: Any) -> FaissCodes:
    return FaissCodes(index.pq, unpacked(index)[BASE], BASE)


def test_codes_are_those_that_were_made_of_each_row(index: Any, rows: Vectors) -> None:
    assert unpacked(index).tolist() == index.pq.compute_codes(rows).tolist()


def test_a_list_without_rows_has_no_codes(rows: Vectors) -> None:
    index = faiss.index_factory(40, "IVF7,PQ10x4fs", faiss.METRIC_INNER_PRODUCT)
    index.train(rows)
    index.add(rows[:1])
    assert unpacked(index).tolist() == index.pq.compute_codes(rows[:1]).tolist()


@pytest.mark.parametrize("queries", [1, 3])
@pytest.mark.parametrize("columns", [slice(0, 40), slice(0, 24), slice(24, 40)])
def test_what_looks_nearest_among_the_kept_rows_is_fetched_nearest_first(
    index: Any, codes: FaissCodes, rows: Vectors, columns: slice, queries: int
) -> None:
    asked = np.ascontiguousarray(rows[:queries, columns])
    looked = codes.fetch(columns, asked, 20)
    assert looked.scores is not None
    assert looked.pairs.query.tolist() == np.repeat(np.arange(queries), 20).tolist()
    decoded = index.pq.decode(index.pq.compute_codes(rows))[:, columns]
    for number in range(queries):
        mine = slice(20 * number, 20 * number + 20)
        found, scores = looked.pairs.position[mine], looked.scores[mine]
        assert len(set(found.tolist()) & set(BASE.tolist())) == 20
        true = decoded @ asked[number]
        assert np.abs(scores - true[found]).max() < 0.03, "FAISS adds products of 8 bits"
        assert np.all(np.diff(scores) <= 0)
        assert true[np.setdiff1d(BASE, found)].max() <= scores[-1] + 0.06


@pytest.mark.parametrize("fetch", [len(BASE), len(BASE) + 1, 5_000])
def test_where_all_that_is_kept_is_fetched_there_are_no_scores_to_doubt(codes: FaissCodes, rows: Vectors, fetch: int) -> None:
    looked = codes.fetch(slice(0, 40), rows[:2], fetch)
    assert looked.scores is None
    for number in range(2):
        assert sorted(looked.pairs.position[looked.pairs.query == number].tolist()) == BASE.tolist()


@pytest.mark.parametrize("sign", [1, -1])
def test_of_equal_rows_as_many_are_fetched_as_are_asked_for(index: Any, rows: Vectors, sign: int) -> None:
    """Also by a query to which they are the least like of all."""
    same = np.repeat(index.pq.compute_codes(rows[:1]), 90, axis=0)
    found = FaissCodes(index.pq, same, np.arange(7, 97)).fetch(slice(0, 40), sign * rows[:1], 50).pairs.position
    assert len(set(found.tolist())) == 50
    assert (found.min() >= 7, found.max() <= 96) == (True, True)


def test_threads_share_codes_and_find_the_same(codes: FaissCodes, rows: Vectors) -> None:
    def look(number: int) -> list[int]:
        return codes.fetch(slice(0, 40), rows[number : number + 1], 15).pairs.position.tolist()

    alone = [look(number) for number in range(200)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(look, range(200))) == alone


def test_they_need_nothing_of_the_index_that_they_were_copied_from(rows: Vectors) -> None:
    index = faiss.index_factory(40, "IVF7,PQ10x4fs", faiss.METRIC_INNER_PRODUCT)
    index.train(rows)
    index.add(rows)
    codes = FaissCodes(index.pq, unpacked(index)[BASE], BASE)
    before = codes.fetch(slice(0, 40), rows[:4], 9).pairs.position.tolist()
    del index
    gc.collect()
    assert codes.fetch(slice(0, 40), rows[:4], 9).pairs.position.tolist() == before


def test_they_take_a_small_part_of_the_rows(codes: FaissCodes, rows: Vectors) -> None:
    assert 5 * len(BASE) <= codes.nbytes - BASE.nbytes <= 5 * (len(BASE) + 31)
    assert codes.nbytes < rows[BASE].nbytes / 10
