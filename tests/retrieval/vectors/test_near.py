"""An approximate index is opened only if it is the one that the manifest describes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import faiss
import numpy as np
import pytest

from retrieval.errors import IndexCorrupt
from retrieval.vectors import Near, NearNote, Vectors, VectorTable, load_near
from retrieval.vectors.near import NearPoint

if TYPE_CHECKING:
    from tests.retrieval.vectors.conftest import Archive


def _index(rows: Vectors, factory: str, metric: int = faiss.METRIC_INNER_PRODUCT) -> np.ndarray:
    index = faiss.index_factory(rows.shape[1], factory, metric)
    index.train(rows)
    index.add(rows)
    data: np.ndarray = faiss.serialize_index(index)
    return data


def _note(rows: int = 1_000, dimension: int = 40, points: tuple[NearPoint, ...] = ()) -> NearNote:
    return NearNote(factory="IVF4,PQ10x4fs", rows=rows, dimension=dimension, points=points)


@pytest.fixture(scope="module")
def data(archive: Archive) -> np.ndarray:
    return _index(archive.rows(1_000), "IVF4,PQ10x4fs")


def test_a_mapped_file_is_searched_where_it_lies(data: np.ndarray, archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "near.faiss").write_bytes(data.tobytes())
    near = load_near(np.memmap(tmp_path / "near.faiss", dtype=np.uint8, mode="r"), _note())
    rows = archive.rows(1_000)
    found = near.fetch(slice(0, 40), rows[:5], 4, 100)
    assert set(found.query.tolist()) == set(range(5))
    assert all(row in found.position[found.query == row].tolist() for row in range(5))


def test_fewer_rows_than_are_fetched_give_no_row_of_minus_one(data: np.ndarray, archive: Archive) -> None:
    found = load_near(data, _note()).fetch(slice(0, 24), archive.rows(3)[:, :24], 1, 2_000)
    assert found.position.min() >= 0
    assert len(found.position) < 3 * 1_000


@pytest.mark.fault(82)
@pytest.mark.parametrize(("rows", "dimension"), [(999, 40), (1_000, 44)])
def test_refuses_another_number_of_rows_and_another_dimension(data: np.ndarray, rows: int, dimension: int) -> None:
    with pytest.raises(IndexCorrupt):
        load_near(data, _note(rows, dimension))


@pytest.mark.parametrize(("factory", "metric"), [("Flat", 0), ("IVF4,SQ8", 0), ("HNSW8", 0), ("IVF4,PQ10x4fs", faiss.METRIC_L2)], ids=str)
def test_refuses_an_index_of_another_make(archive: Archive, factory: str, metric: int) -> None:
    with pytest.raises(IndexCorrupt):
        load_near(_index(archive.rows(1_000), factory, metric), _note())


def test_refuses_codes_of_what_a_list_leaves_over(archive: Archive) -> None:
    """Such codes mean nothing beside those of another list."""
    index = faiss.index_factory(40, "IVF4,PQ10x4fs", faiss.METRIC_INNER_PRODUCT)
    index.by_residual = True
    index.train(archive.rows(1_000))
    index.add(archive.rows(1_000))
    with pytest.raises(IndexCorrupt):
        load_near(faiss.serialize_index(index), _note())


@pytest.mark.parametrize("length", [0, 3, 100])
def test_refuses_bytes_that_are_no_index(data: np.ndarray, length: int) -> None:
    with pytest.raises(IndexCorrupt):
        load_near(data[:length].copy(), _note())


@pytest.mark.fault(82)
@pytest.mark.parametrize("count", [999, 1_001])
def test_a_table_refuses_an_index_of_other_rows(data: np.ndarray, archive: Archive, count: int) -> None:
    near: Near = load_near(data, _note())
    with pytest.raises(IndexCorrupt):
        VectorTable(archive.rows(count), archive.dimensions, near)


def test_the_point_for_a_limit_is_the_least_that_covers_it() -> None:
    points = tuple(NearPoint(kind="fused", limit=limit, probes=4, fetch=2 * limit, recall=0.99) for limit in (256, 10, 64))
    note = _note(points=points)
    limits = [point.limit if (point := note.point("fused", limit)) else None for limit in (1, 10, 11, 64, 256, 257)]
    assert limits == [10, 10, 64, 64, 256, None]
    assert note.point("image", 1) is None
    assert note.lists == 4


@pytest.mark.parametrize(
    ("share", "probes", "fetch", "recall", "measured"),
    [(1.0, 4, 80, 0.99, 1.0), (0.3, 16, 40, 0.995, 0.3), (0.5, 16, 80, 0.99, 0.3), (0.1, 64, 20, 0.993, 0.1), (0.2, 64, 40, 0.993, 0.1)],
)
def test_between_two_shares_a_setting_has_what_either_needs(share: float, probes: int, fetch: int, recall: float, measured: float) -> None:
    settings = ((1.0, 4, 80, 0.99), (0.3, 16, 40, 0.995), (0.1, 64, 20, 0.993))
    points = tuple(NearPoint(kind="text", limit=10, probes=p, fetch=f, recall=r, share=s) for s, p, f, r in settings)
    point = _note(points=points).point("text", 10, share)
    assert point is not None
    assert (point.probes, point.fetch, point.recall, point.share) == (probes, fetch, recall, measured)


def test_there_is_no_setting_for_a_share_under_all_that_were_measured() -> None:
    points = tuple(NearPoint(kind="text", limit=10, probes=4, fetch=40, recall=0.99, share=share) for share in (1.0, 0.1))
    note = _note(points=points)
    assert note.point("text", 10, 0.0999) is None
    assert note.point("text", 10, 0.1) is not None


def test_the_whole_is_looked_at_with_the_least_limit_that_covers_and_the_most_rows_fetched() -> None:
    settings = ((10, 3, 80, 1.0), (10, 4, 40, 1.0), (10, 4, 160, 1.0), (64, 4, 512, 1.0), (10, 4, 320, 0.3))
    note = _note(points=tuple(NearPoint(kind="text", limit=k, probes=p, fetch=f, recall=0.995, share=s) for k, p, f, s in settings))
    found = [point.fetch if (point := note.whole("text", limit)) else None for limit in (1, 10, 11, 64, 65)]
    assert found == [160, 160, 512, 512, None]
    assert note.whole("image", 1) is None


def test_a_note_of_a_time_before_filters_were_measured_speaks_of_all_rows() -> None:
    old = '{"factory":"IVF4,PQ10x4fs","rows":9,"dimension":4,"points":[{"kind":"text","limit":10,"probes":2,"fetch":40,"recall":0.99}]}'
    note = NearNote.model_validate_json(old)
    assert note.point("text", 10) is not None
    assert note.point("text", 10, 0.5) is None
    assert note.whole("text", 10) is None


@pytest.mark.parametrize("queries", [1, 7])
@pytest.mark.parametrize("columns", [slice(0, 40), slice(0, 24), slice(24, 40)])
def test_all_lists_hold_the_nearest_of_what_a_filter_keeps(data: np.ndarray, archive: Archive, queries: int, columns: slice) -> None:
    rows, near = archive.rows(1_000), load_near(data, _note())
    base = np.arange(3, 1_000, 7)
    found = near.fetch(columns, np.ascontiguousarray(rows[:queries, columns]), 4, 1_000, near.select(base))
    for number in range(queries):
        assert sorted(found.position[found.query == number].tolist()) == base.tolist()


@pytest.mark.parametrize("queries", [1, 7])
def test_more_lists_find_what_fewer_found(data: np.ndarray, archive: Archive, queries: int) -> None:
    rows, near = archive.rows(1_000), load_near(data, _note())
    few, many = (near.fetch(slice(0, 40), rows[:queries], probes, 1_000, near.select(np.arange(1_000))) for probes in (2, 3))
    assert set(zip(few.query, few.position, strict=True)) < set(zip(many.query, many.position, strict=True))
    plain = near.fetch(slice(0, 40), rows[:queries], 2, 1_000)
    assert set(zip(few.query, few.position, strict=True)) == set(zip(plain.query, plain.position, strict=True))


def test_a_query_whose_lists_hold_little_of_what_is_kept_finds_nothing(data: np.ndarray, archive: Archive) -> None:
    """What was measured under random filters says nothing of a filter that keeps only what is unlike the query."""
    rows, near = archive.rows(1_000), load_near(data, _note())
    near_first = near.fetch(slice(0, 40), rows[:1], 1, 1_000).position
    far = np.setdiff1d(np.arange(1_000), near_first)
    assert not len(near.fetch(slice(0, 40), rows[:1], 1, 50, near.select(far)).position)
    both = near.fetch(slice(0, 40), rows[[0, far[0]]], 1, 50, near.select(far))
    assert set(both.query.tolist()) == {1}
    mixed = np.sort(np.concatenate((far, near_first[:20])))
    found = near.fetch(slice(0, 40), rows[:1], 4, 1_000, near.select(mixed)).position
    assert len(found) == len(mixed)


def test_nothing_kept_is_nothing_found(data: np.ndarray, archive: Archive) -> None:
    near = load_near(data, _note())
    assert not len(near.fetch(slice(0, 40), archive.rows(3), 4, 50, near.select(np.zeros(0, np.int64))).position)


def test_codes_of_a_mapped_file_are_those_of_the_kept_rows(data: np.ndarray, archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "near.faiss").write_bytes(data.tobytes())
    near = load_near(np.memmap(tmp_path / "near.faiss", dtype=np.uint8, mode="r"), _note())
    rows, base = archive.rows(1_000), np.arange(5, 1_000, 3)
    looked = near.codes(base).fetch(slice(0, 40), rows[base[:4]], 60)
    assert set(looked.pairs.position.tolist()) <= set(base.tolist())
    assert all(base[number] in looked.pairs.position[looked.pairs.query == number] for number in range(4))
    plain = near.fetch(slice(0, 40), rows[base[:4]], 4, 60, near.select(base))
    same = set(zip(looked.pairs.query, looked.pairs.position, strict=True)) & set(zip(plain.query, plain.position, strict=True))
    assert len(same) >= 0.95 * len(plain.query), "the same codes, but for ties at the end"
