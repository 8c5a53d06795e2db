"""Which engine is chosen and why; and on a GPU, that it finds what the CPU finds."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import faiss
import numpy as np
import pytest

from retrieval.vectors import VectorTable, choose_engine, parity
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.gpu import FaissEngine, TorchEngine

if TYPE_CHECKING:
    from tests.retrieval.vectors.conftest import Archive


@dataclass
class GpuFaiss:
    """A test double of FAISS's build for GPUs: its flat index in float16 is the CPU's own."""

    gpus: int

    class StandardGpuResources:
        pass

    def get_num_gpus(self) -> int:
        return self.gpus

    @staticmethod
    def GpuIndexFlatConfig() -> SimpleNamespace:
        return SimpleNamespace(device=0, useFloat16=False)

    def GpuIndexFlatIP(self, resources: object, dimension: int, config: SimpleNamespace) -> Any:
        assert isinstance(resources, self.StandardGpuResources)
        assert config.useFloat16
        assert config.device < self.gpus
        return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)


def torch_seeing(gpus: int) -> SimpleNamespace:
    return SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: gpus > 0, device_count=lambda: gpus))


@pytest.mark.parametrize(
    ("driver", "torch", "module", "engine", "words"),
    [
        (False, torch_seeing(1), GpuFaiss(1), "CPU", "no CUDA driver"),
        (True, torch_seeing(2), GpuFaiss(2), "torch, float16, cuda:0, cuda:1", "torch sees 2 GPU(s)"),
        (True, torch_seeing(0), GpuFaiss(1), "FAISS flat, float16, 1 GPU", "FAISS sees 1 GPU(s)"),
        (True, torch_seeing(0), GpuFaiss(4), "FAISS flat, float16, 4 GPUs", "FAISS sees 4 GPU(s)"),
        (True, torch_seeing(0), GpuFaiss(0), "CPU", "sees none"),
        (True, torch_seeing(0), faiss, "CPU", "built for CPUs alone"),
    ],
)
def test_the_fastest_engine_here_is_chosen_and_says_why(driver: bool, torch: Any, module: Any, engine: str, words: str) -> None:
    if engine == "CPU" and module is faiss and hasattr(faiss, "StandardGpuResources"):
        pytest.skip("this FAISS is a build for GPUs")
    choice = choose_engine(driver=driver, torch=torch, faiss=module)
    assert choice.name == choice.engine.name == engine
    assert words in choice.reason


def test_what_is_chosen_here_can_search(archive: Archive) -> None:
    table = VectorTable(archive.rows(100), archive.dimensions, engine=choose_engine().engine)
    assert len(table.scan(archive.asked(1)[0], archive.everything, 7).rows) == 7


@pytest.mark.parametrize("engine", [TorchEngine(["cpu", "cpu"]), FaissEngine(GpuFaiss(3), 3), CpuEngine()], ids=lambda engine: engine.name)
def test_parity_is_whole_where_the_same_ids_are_found(archive: Archive, engine: Any) -> None:
    found = parity(engine, VectorTable(archive.rows(2_000), archive.dimensions), archive.asked(50))
    assert (found.searched_by, found.queries, found.same_ids, found.recall) == (engine.name, 50, 1.0, 1.0)


def test_rows_that_do_not_fit_on_the_gpus_are_searched_on_the_cpu(archive: Archive) -> None:
    """Three GiB are left for other work on each; 2,000 rows of 40 halves take 80,000 bytes on each of two."""
    rows, asked = archive.rows(2_000), archive.asked(5)
    exact = VectorTable(rows, archive.dimensions)
    for spare, name in ((80_000, "torch, float16, cpu, cpu"), (79_999, "CPU")):
        engine = TorchEngine(["cpu", "cpu"], free=lambda device, spare=spare: (5 << 30) + spare)  # type: ignore[misc]
        table = VectorTable(rows, archive.dimensions, engine=engine)
        assert table.searched_by == name
        assert [table.scan(one, archive.everything, 5).rows.tolist() for one in asked] == [
            exact.scan(one, archive.everything, 5).rows.tolist() for one in asked
        ]
        assert parity(engine, exact, asked).searched_by == name


def test_a_gpu_of_faiss_that_runs_out_of_memory_leaves_the_rows_to_the_cpu(archive: Archive) -> None:
    class Full(GpuFaiss):
        def GpuIndexFlatIP(self, resources: object, dimension: int, config: SimpleNamespace) -> Any:
            def add(rows: np.ndarray) -> None:
                raise RuntimeError("Error in virtual void* faiss::gpu::StandardGpuResourcesImpl::allocMemory")

            return SimpleNamespace(add=add)

    table = VectorTable(archive.rows(100), archive.dimensions, engine=FaissEngine(Full(1), 1))
    assert table.searched_by == "CPU"
    assert len(table.scan(archive.asked(1)[0], archive.everything, 7).rows) == 7


def test_parity_tells_what_is_missed(archive: Archive) -> None:
    """An engine that forgets half of the rows."""

    class Forgetful(CpuEngine):
        def hold(self, rows: Any) -> Any:
            return CpuEngine().hold(rows[: len(rows) // 2])

    found = parity(Forgetful(), VectorTable(archive.rows(2_000), archive.dimensions), archive.asked(50))
    assert found.same_ids < 0.2
    assert 0.3 < found.recall < 0.7


@pytest.mark.gpu
def test_a_gpu_finds_what_the_cpu_finds(archive: Archive) -> None:
    choice = choose_engine()
    if choice.name == "CPU":
        pytest.skip(choice.reason)
    table = VectorTable(archive.rows(200_000), archive.dimensions)
    assert parity(choice.engine, table, archive.asked(200)).recall == 1.0
    if hasattr(faiss, "StandardGpuResources"):
        assert parity(FaissEngine(faiss, faiss.get_num_gpus()), table, archive.asked(200)).recall >= 0.9999


def test_there_is_always_a_reason() -> None:
    choice = choose_engine()
    assert choice.reason
    assert np.isfinite(choice.engine.rates.read)
