"""The last word on candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from retrieval.vectors.engine import Pairs
from retrieval.vectors.settling import narrow, settle

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
    fewer = narrow(rows, queries, pairs, limit)
    assert len(fewer.query) <= max(4 * min(200, limit + 8), 1)
    before, after = (settle(rows, queries, some, [limit] * 4) for some in (pairs, fewer))
    assert [rows.tolist() for rows, _ in before] == [rows.tolist() for rows, _ in after]
