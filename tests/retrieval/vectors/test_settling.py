"""The last word on candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from retrieval.vectors.codes import Looked
from retrieval.vectors.engine import Pairs
from retrieval.vectors.settling import STANDS_OUT, narrow, settle

if TYPE_CHECKING:
    from tests.retrieval.vectors.conftest import Archive


def _all(queries: int, rows: int) -> Pairs:
    return Pairs(np.repeat(np.arange(queries), rows), np.tile(np.arange(rows), queries))


def test_candidates_are_sorted_by_distance_then_row_and_cut(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.vectors.settling._AT_ONCE", 7)
    rows = np.repeat(archive.rows(10), 2, axis=0)  # each twice: ties
    queries = np.stack([one.vector for one in archive.asked(3)])
    for number, (found, distances) in enumerate(settle(rows, queries, _all(3, 20), [4, 0, 100])):
        true = 1 - rows.astype(np.float64) @ queries[number]
        expected = np.lexsort((np.arange(20), true.astype(np.float32)))[: [4, 0, 100][number]]
        assert found.tolist() == expected.tolist()
        assert np.allclose(distances, true[expected], atol=1e-6)


def test_no_candidates_are_no_rows() -> None:
    none = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert [len(rows) for rows, _ in settle(np.zeros((3, 2), np.float32), np.ones((2, 2), np.float32), none, [5, 5])] == [0, 0]


@pytest.mark.parametrize("limit", [1, 10, 300])
def test_narrowing_changes_no_answer(archive: Archive, limit: int) -> None:
    rows = np.repeat(archive.rows(100), 2, axis=0)
    queries = np.stack([one.vector for one in archive.asked(4)])
    pairs = _all(4, 200)
    fewer, sure = narrow(rows, queries, Looked(pairs), limit, [limit] * 4)
    assert sure.all()
    assert len(fewer.query) <= max(4 * min(200, limit + 8), 1)
    before, after = (settle(rows, queries, some, [limit] * 4) for some in (pairs, fewer))
    assert [rows.tolist() for rows, _ in before] == [rows.tolist() for rows, _ in after]


def _looked(products: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray, Looked]:
    """Rows of one column whose products with the query are `products`, and what codes that err by `errors` would say of them."""
    order = np.argsort(-(products - errors), kind="stable")
    pairs = Pairs(np.zeros(len(products), np.int64), np.arange(len(products)))
    scores = (products - errors)[order].astype(np.float32)
    return products[order][:, None].astype(np.float32), np.ones((1, 1), np.float32), Looked(pairs, scores)


def _errors(count: int) -> np.ndarray:
    """Of standard deviation 1, unlike their order."""
    errors = np.random.default_rng(1).standard_normal(count)
    return (errors - errors.mean()) / errors.std()


@pytest.mark.parametrize(("gap", "sure"), [(STANDS_OUT - 0.1, False), (STANDS_OUT + 0.1, True), (50.0, True), (0.0, False)])
def test_a_query_is_sure_where_its_last_neighbour_stands_out_from_what_was_not_fetched(gap: float, sure: bool) -> None:
    errors = _errors(200) / 100
    products = np.zeros(200)
    least = (products - errors)[10:].min()
    products[:10] = least + gap / 100
    errors[:10] = 0  # of the ten nearest nothing is wrong, so that what all err by changes little
    rows, queries, looked = _looked(products, errors * 0.01 / errors.std())
    assert looked.scores is not None
    assert abs(rows[:, 0] - looked.scores).max() > 0.01
    found, certain = narrow(rows, queries, looked, 10, [10])
    assert certain.tolist() == [sure]
    assert len(found.position) >= 10


def test_fewer_neighbours_stand_out_further() -> None:
    products = np.linspace(1, 0, 100)
    rows, queries, looked = _looked(products, 0.2 * _errors(100))
    assert [narrow(rows, queries, looked, 64, [rank])[1].tolist() for rank in (1, 64)] == [[True], [False]]


def test_codes_that_cannot_tell_rows_apart_leave_a_query_unsure() -> None:
    """Of rows that differ by less than their codes err, those fetched are any."""
    products = 0.5 + 1e-4 * np.random.default_rng(2).standard_normal(160)
    rows, queries, looked = _looked(products, 0.01 * _errors(160))
    assert not narrow(rows, queries, looked, 10, [10])[1].any()
