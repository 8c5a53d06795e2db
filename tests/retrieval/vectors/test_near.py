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
