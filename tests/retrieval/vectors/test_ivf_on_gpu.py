"""An inverted file on a GPU: made, tuned and searched; here FAISS's own for CPUs in its place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest

from retrieval.vectors import VectorTable
from retrieval.vectors.engine import Rates
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.ivf_on_gpu import near_on_gpu

if TYPE_CHECKING:
    from tests.retrieval.vectors.conftest import Archive


class GpuFaiss:
    """A test double of FAISS's build for GPUs: its inverted file is the CPU's, and fetches no more than a GPU's can."""

    METRIC_INNER_PRODUCT = faiss.METRIC_INNER_PRODUCT

    class StandardGpuResources:
        pass

    GpuIndexIVFFlatConfig = SimpleNamespace

    @staticmethod
    def GpuIndexIVFFlat(resources: object, dimension: int, lists: int, metric: int, config: SimpleNamespace) -> Any:
        assert config.device == 0
        index = faiss.index_factory(dimension, f"IVF{lists},Flat", metric)

        def search(queries: np.ndarray, k: int, params: Any) -> Any:
            assert k <= 2048
            return index.search(queries, k, params=params)

        return SimpleNamespace(train=index.train, add=index.add, search=search)


class SlowEngine(CpuEngine):
    """The CPU, as if its exact scan took a thousand times as long."""

    rates = Rates(read=330, multiply=19, pick=850)


def test_it_finds_what_was_promised(archive: Archive) -> None:
    rows = archive.rows(3_000, centres=100)
    near = near_on_gpu(rows, archive.dimensions, 0.5, GpuFaiss())
    assert near is not None
    assert near.note.factory == "IVF64,Flat"
    assert {point.kind for point in near.note.points} == {"image", "text", "fused"}
    asked = archive.asked(100, seed=9, centres=100)
    every = [archive.everything] * 100
    found = VectorTable(rows, archive.dimensions, near, SlowEngine()).scan_many(asked, every, 10)
    exact = VectorTable(rows, archive.dimensions).scan_many(asked, every, 10)
    assert {scan.plan for scan in found} == {"approximate index"}
    assert sum(len(set(a.rows.tolist()) & set(b.rows.tolist())) for a, b in zip(found, exact, strict=True)) >= 970


def test_too_few_rows_to_train_give_none(archive: Archive) -> None:
    assert near_on_gpu(archive.rows(200), archive.dimensions, 0.5, GpuFaiss()) is None


@pytest.mark.gpu
def test_on_a_gpu_too(archive: Archive) -> None:
    if not hasattr(faiss, "StandardGpuResources") or not faiss.get_num_gpus():
        pytest.skip("there is no GPU that FAISS sees")
    near = near_on_gpu(archive.rows(50_000, centres=500), archive.dimensions, 0.5, faiss)
    assert near is not None
    assert all(point.recall >= 0.985 for point in near.note.points)
