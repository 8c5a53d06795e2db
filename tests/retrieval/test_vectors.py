"""Exact search over one matrix for three kinds of query, under any filter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import BadVector, IndexCorrupt, QueryRefused
from retrieval.vectors import Vectors, VectorTable, deserialise, fuse, serialise, unit_rows

DIMENSION = 8


def _unit(seed: int, count: int) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _table(images: Vectors, reports: Vectors, weight: float = 0.5) -> VectorTable:
    return deserialise(serialise(fuse(images, reports, weight)), dimension=DIMENSION, cases=len(images), weight=weight)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    cases=st.integers(1, 80),
    kept_share=st.floats(0, 1),
    asked=st.tuples(st.integers(1, 120), st.floats(0.1, 0.9)),
    kind=st.sampled_from(["image", "text", "fused"]),
)
def test_every_plan_finds_what_a_plain_scan_finds(seed: int, cases: int, kept_share: float, asked: tuple[int, float], kind: str) -> None:
    limit, weight = asked
    images, reports = _unit(seed, cases), _unit(seed + 1, cases)
    image, text = _unit(seed + 2, 1)[0], _unit(seed + 3, 1)[0]
    keep = np.random.default_rng(seed).random(cases) < kept_share
    cosine = {"image": images @ image, "text": reports @ text}
    expected = 1 - cosine[kind] if kind in cosine else 1 - (weight * cosine["image"] + (1 - weight) * cosine["text"])
    found = _table(images, reports, weight).scan(image if kind != "text" else None, text if kind != "image" else None, keep, limit)
    best = np.sort(expected[keep])[:limit]
    assert np.allclose(found.distances, np.clip(best, 0, 2), atol=1e-5)
    assert np.allclose(np.clip(expected[found.rows], 0, 2), found.distances, atol=1e-5)
    assert keep[found.rows].all()
    assert len(set(found.rows.tolist())) == len(found.rows) == min(limit, int(keep.sum()))


@pytest.mark.fault(85)
def test_more_neighbours_asked_than_cases_never_give_a_row_of_minus_one() -> None:
    table = _table(_unit(0, 3), _unit(1, 3))
    for keep in (np.ones(3, bool), np.array([True, False, False])):
        found = table.scan(_unit(2, 1)[0], None, keep, 50)
        assert found.rows.min() >= 0
        assert len(found.rows) == keep.sum()


@pytest.mark.fault(85)
@pytest.mark.parametrize("cases", [0, 3])
def test_nothing_to_search_is_no_hit(cases: int) -> None:
    found = _table(_unit(0, cases), _unit(1, cases)).scan(_unit(2, 1)[0], None, np.zeros(cases, bool), 5)
    assert len(found.rows) == 0
    assert found.plan == "none"


@pytest.mark.fault(85)
@pytest.mark.parametrize(
    "vector",
    [
        pytest.param(np.full(DIMENSION, np.nan, np.float32), id="NaN"),
        pytest.param(np.zeros(DIMENSION, np.float32), id="zero"),
        pytest.param(np.full(DIMENSION, np.inf, np.float32), id="infinite"),
        pytest.param(np.ones(DIMENSION, np.float32), id="not of length 1"),
        pytest.param(_unit(0, 1)[0][:4], id="other dimension"),
        pytest.param(None, id="none at all"),
    ],
)
def test_refuses_a_query_vector_that_is_none(vector: Vectors | None) -> None:
    with pytest.raises(QueryRefused):
        _table(_unit(0, 3), _unit(1, 3)).scan(vector, None, np.ones(3, bool), 5)


@pytest.mark.parametrize(("kept", "plan"), [(10, "gathered exact scan"), (90, "FAISS flat scan with a selector")])
def test_says_how_it_searched_and_why(kept: int, plan: str) -> None:
    found = _table(_unit(0, 100), _unit(1, 100)).scan(_unit(2, 1)[0], None, np.arange(100) < kept, 5)
    assert found.plan == plan
    assert f"{kept} of 100" in found.plan_reason


@pytest.mark.fault(85)
def test_marks_vectors_of_cases_that_are_no_unit_vectors() -> None:
    rows = _unit(0, 4)
    rows[1], rows[2] = np.nan, 0
    scaled, usable = unit_rows(rows, DIMENSION, 4)
    assert usable.tolist() == [True, False, False, True]
    assert np.isfinite(scaled).all()
    with pytest.raises(BadVector):
        unit_rows(rows[:3], DIMENSION, 4)


@pytest.mark.fault(82)
@pytest.mark.parametrize(("dimension", "cases"), [(DIMENSION * 2, 3), (DIMENSION, 4)])
def test_refuses_vectors_of_another_dimension_or_number(dimension: int, cases: int) -> None:
    with pytest.raises(IndexCorrupt):
        deserialise(serialise(fuse(_unit(0, 3), _unit(1, 3), 0.5)), dimension=dimension, cases=cases, weight=0.5)


def test_refuses_bytes_that_are_no_index() -> None:
    with pytest.raises(IndexCorrupt):
        deserialise(b"not FAISS", dimension=DIMENSION, cases=1, weight=0.5)
