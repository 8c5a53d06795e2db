"""Exact search over one matrix for three kinds of query, under any filter, one by one and many at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import QueryRefused
from retrieval.vectors import KINDS, Asked, Dimensions, Kept, Kind, Vectors, VectorTable, ask

SMALL = Dimensions(8, 6)
ALL = Kept(None, None, np.zeros(0, np.int64))


def _unit(rng: np.random.Generator, count: int, dimension: int) -> Vectors:
    rows = rng.standard_normal((count, dimension)).astype(np.float32)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _rows(seed: int, count: int, distinct: int, dimensions: Dimensions = SMALL) -> Vectors:
    """`count` rows of which no more than `distinct` differ: what is equal must be told apart by its row."""
    rng = np.random.default_rng(seed)
    rows = np.hstack((_unit(rng, distinct, dimensions.image), _unit(rng, distinct, dimensions.text)))
    return np.ascontiguousarray(rows[rng.integers(0, distinct, count)])


def _query(seed: int, kind: Kind, weight: float = 0.5, dimensions: Dimensions = SMALL) -> Asked:
    rng = np.random.default_rng(seed)
    image, text = _unit(rng, 1, dimensions.image)[0], _unit(rng, 1, dimensions.text)[0]
    return ask(None if kind == "text" else image, None if kind == "image" else text, weight, dimensions)


def _plainly(rows: Vectors, asked: Asked, kept: Kept, limit: int) -> tuple[list[int], Vectors]:
    """What a scan means: every cosine in float64, sorted by distance and then by row."""
    columns = SMALL.columns(asked.kind)
    products = (rows[:, columns].astype(np.float64) * asked.vector).sum(axis=1)
    distances = np.clip(1 - products, 0, 2).astype(np.float32)
    rows_kept = np.flatnonzero(kept.mask(len(rows)))
    order = rows_kept[np.lexsort((rows_kept, distances[rows_kept]))][:limit]
    return order.tolist(), distances[order]


def _some(rng: np.random.Generator, cases: int, share: float) -> np.ndarray:
    return np.flatnonzero(rng.random(cases) < share)


@st.composite
def searches(draw: st.DrawFn) -> tuple[Vectors, list[Asked], list[Kept], int]:
    """A table, some queries of any kind under one of two filters or none, each with rows of its own dropped, and a limit."""
    seed, cases = draw(st.integers(0, 10_000)), draw(st.integers(1, 120))
    rng = np.random.default_rng(seed)
    bases = [None, _some(rng, cases, draw(st.floats(0, 1))), _some(rng, cases, draw(st.floats(0, 0.4)))]
    asked, kept = [], []
    for number in range(draw(st.integers(1, 5))):
        which = draw(st.integers(0, 2))
        kept.append(Kept(bases[which], f"filter {which}", _some(rng, cases, draw(st.sampled_from([0, 0.1, 1])))))
        asked.append(_query(seed + number, draw(st.sampled_from(KINDS)), draw(st.floats(0.1, 0.9))))
    rows = _rows(seed, cases, draw(st.integers(1, cases)))
    return rows, asked, kept, draw(st.integers(1, 150))


@settings(max_examples=150)
@given(searches(), st.sampled_from([0, 1 << 20]))
def test_every_plan_finds_what_a_plain_scan_finds_ties_and_all(search: tuple[Vectors, list[Asked], list[Kept], int], copies: int) -> None:
    rows, asked, kept, limit = search
    table = VectorTable(rows, SMALL, copies=copies)
    together = table.scan_many(asked, kept, limit)
    for one, its_rows, many in zip(asked, kept, together, strict=True):
        expected, distances = _plainly(rows, one, its_rows, limit)
        assert many.rows.tolist() == expected
        assert many.distances.tolist() == distances.tolist()
        alone = table.scan(one, its_rows, limit)
        assert (alone.rows.tolist(), alone.distances.tolist()) == (expected, distances.tolist())


@pytest.mark.parametrize("queries", [1, 3])
@pytest.mark.parametrize("share", [None, 0.2, 0.4, 0.9])
@pytest.mark.parametrize("copies", [0, 1 << 24])
def test_many_blocks_are_one_table(queries: int, share: float | None, copies: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("BLOCK", 64), ("BLOCK_ALONE", 50)):
        monkeypatch.setattr(f"retrieval.vectors.exact.{name}", size)
    rng = np.random.default_rng(1)
    rows = _rows(1, 1_000, 600)
    asked = [_query(number, "fused") for number in range(queries)]
    base = None if share is None else _some(rng, 1_000, share)
    kept = [Kept(base, "a filter", _some(rng, 1_000, 0.2)) for _ in asked]
    for one, its_rows, found in zip(asked, kept, VectorTable(rows, SMALL, copies=copies).scan_many(asked, kept, 40), strict=True):
        assert found.rows.tolist() == _plainly(rows, one, its_rows, 40)[0]


def test_rows_that_grow_nearer_block_by_block_are_all_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst order for a scan that keeps the best so far: every block is better than all before it."""
    monkeypatch.setattr("retrieval.vectors.exact.BLOCK", 16)
    asked = [_query(1, "image"), _query(2, "image")]
    rows = _rows(3, 300, 300)
    rows = np.ascontiguousarray(rows[np.argsort(rows[:, :8] @ asked[0].vector)])
    found = VectorTable(rows, SMALL).scan_many(asked, [ALL, ALL], 20)
    assert [scan.rows.tolist() for scan in found] == [_plainly(rows, one, ALL, 20)[0] for one in asked]


@pytest.mark.fault(85)
def test_more_neighbours_asked_than_cases_never_give_a_row_of_minus_one() -> None:
    table = VectorTable(_rows(0, 3, 3), SMALL)
    for base in (None, np.array([1])):
        found = table.scan(_query(2, "image"), Kept(base, "one", np.array([0])), 50)
        assert found.rows.min() >= 0
        assert sorted(found.rows.tolist()) == ([1, 2] if base is None else [1])


@pytest.mark.fault(85)
@pytest.mark.parametrize("cases", [0, 3])
def test_nothing_to_search_is_no_hit(cases: int) -> None:
    for kept in (Kept(np.zeros(0, np.int64), "none", np.zeros(0, np.int64)), Kept(None, None, np.arange(cases))):
        found = VectorTable(_rows(0, cases, max(cases, 1)), SMALL).scan(_query(2, "fused"), kept, 5)
        assert (len(found.rows), len(found.distances), found.plan) == (0, 0, "none")


def test_no_queries_are_no_answers() -> None:
    assert VectorTable(_rows(0, 3, 3), SMALL).scan_many([], [], 5) == []


@pytest.mark.fault(85)
def test_refuses_a_limit_under_one_and_a_query_of_another_length() -> None:
    table = VectorTable(_rows(0, 3, 3), SMALL)
    with pytest.raises(QueryRefused):
        table.scan(_query(1, "image"), ALL, 0)
    with pytest.raises(QueryRefused):
        table.scan(Asked("image", np.ones(6, np.float32)), ALL, 1)


def test_a_case_has_one_distance_whichever_way_it_was_found() -> None:
    """Alone, in a batch, through a filter: the same float32, so that a threshold is passed by all or by none."""
    dimensions = Dimensions(384, 384)
    rows = _rows(5, 2_000, 2_000, dimensions)
    table = VectorTable(rows, dimensions)
    asked = [_query(number, "fused", 0.3, dimensions) for number in range(20)]
    base = np.arange(0, 2_000, 7)
    for number, many in enumerate(table.scan_many(asked, [ALL] * 20, 2_000)):
        alone = table.scan(asked[number], Kept(base, "a filter", np.zeros(0, np.int64)), 2_000)
        distance = dict(zip(many.rows.tolist(), many.distances.tolist(), strict=True))
        assert [distance[row] for row in alone.rows.tolist()] == alone.distances.tolist()


@pytest.mark.parametrize(
    ("share", "copies", "plan"),
    [
        (None, 1 << 20, "exact scan over all rows"),
        (0.1, 1 << 20, "exact scan over kept rows"),
        (0.1, 0, "exact scan over rows picked one by one"),
        (0.9, 1 << 20, "exact scan over all rows"),
    ],
)
def test_says_how_it_searched_and_why(share: float | None, copies: int, plan: str) -> None:
    base = None if share is None else np.arange(int(share * 100))
    found = VectorTable(_rows(0, 100, 100), SMALL, copies=copies).scan(_query(1, "text"), Kept(base, "a filter", np.array([3])), 5)
    assert found.plan == plan
    assert f"{(100 if base is None else len(base)) - 1} of 100 cases remain" in found.plan_reason


def test_rows_are_searched_where_they_lie() -> None:
    rows = _rows(0, 10, 10)
    table = VectorTable(rows, SMALL)
    assert table.rows is rows
    assert table.cases == 10


@pytest.mark.parametrize("together", [True, False])
def test_a_name_that_stands_for_other_rows_gives_those(together: bool) -> None:
    table, asked = VectorTable(_rows(0, 100, 100), SMALL), _query(1, "fused")
    kept = [Kept(base, "a filter", np.zeros(0, np.int64)) for base in (np.arange(0, 20), np.arange(20, 40))]
    first, second = table.scan_many([asked] * 2, kept, 50) if together else (table.scan(asked, one, 50) for one in kept)
    assert sorted(first.rows.tolist()) == list(range(20))
    assert sorted(second.rows.tolist()) == list(range(20, 40))
