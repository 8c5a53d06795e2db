"""Which engine searches: a GPU where there is one that FAISS or torch can use, else the CPU; and whether both find the same.

A GPU makes the exact scans, of as many rows as its memory holds as halves; several share them. More rows than fit are the CPU's, with
the inverted lists on disk. There are no inverted lists on a GPU: over 10 M rows on an H100 they took .5 ms a query where the exact scan
takes 3.9 ms, over 1 M rows they lost an eighth of the nearest (bench/GPU.md), and they would be built anew whenever a library opens.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retrieval.vectors.asked import Asked, Vectors
from retrieval.vectors.engine import Engine, Held, Rates, Room
from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.kept import Kept
from retrieval.vectors.on_faiss import FaissRows
from retrieval.vectors.on_torch import hold
from retrieval.vectors.sharded import Sharded, shares
from retrieval.vectors.table import VectorTable

_RATES = Rates(read=1.2e-3, multiply=4.2e-5, pick=None)
"""Of torch in float16 on an H100, bench/GPU.md: 1 M x 384 at 1 and 64 queries at once. FAISS takes up to 8 times as long."""

_ROOM = Room(copies=2 << 30, value=2)
"""2.8 M rows of 384 values. With a quarter of that, a filter that kept 1 M of 10 M rows was picked out by the CPU: 392 ms, not 1."""
_SPARE = 5 << 30
"""Bytes of a GPU left for products, copies of what filters keep, and whatever else runs there."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """The engine that searches, and why."""

    engine: Engine
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Parity:
    """Whether an engine finds what the CPU finds."""

    searched_by: str
    """Name of the engine that searched: the CPU itself where the rows did not fit elsewhere, and then nothing was compared."""
    queries: int
    same_ids: float
    """Share of queries whose ids are equal, place by place."""
    recall: float
    """Share of the CPU's ids that are found."""


class TorchEngine:
    """Holds rows as halves on GPUs, multiplied by torch."""

    rates = _RATES
    room = _ROOM

    def __init__(self, devices: Sequence[str], free: Callable[[str], int] | None = None) -> None:
        """Share rows among `devices`, e.g. `cuda:0`; `free` tells how many bytes of one are free, else torch is asked."""
        self._devices = tuple(devices)
        self._free = free or _free
        self.name = f"torch, float16, {', '.join(devices)}"

    def hold(self, rows: Vectors) -> Held | None:
        """See `Engine.hold`."""
        parts = list(zip(self._devices, shares(len(rows), len(self._devices)), strict=True))
        if any((part.stop - part.start) * rows.shape[1] * 2 + _SPARE > self._free(device) for device, part in parts):
            return None
        return Sharded([hold(rows[part], device) for device, part in parts])


class FaissEngine:
    """Holds rows in flat float16 indexes of FAISS, one a GPU. What it cannot leave out is picked by the CPU."""

    rates = replace(_RATES, pick=CpuEngine.rates.pick)
    room = _ROOM

    def __init__(self, faiss: Any, gpus: int) -> None:
        """Share rows among the first `gpus` GPUs that `faiss`, the module, sees."""
        self._makers = [_flat_on(faiss, number) for number in range(gpus)]
        self.name = f"FAISS flat, float16, {gpus} GPU{'s' if gpus > 1 else ''}"

    def hold(self, rows: Vectors) -> Held | None:
        """See `Engine.hold`. FAISS does not tell what is free, and raises nothing narrower when it has none."""
        parts = zip(self._makers, shares(len(rows), len(self._makers)), strict=True)
        try:
            return Sharded([FaissRows(rows[part], make) for make, part in parts])
        except RuntimeError:
            return None


def choose_engine(*, driver: bool | None = None, faiss: Any = None, torch: Any = None) -> EngineChoice:
    """The fastest engine here.

    Args:
        driver: Whether the machine has a driver of CUDA; looked for when None.
        faiss: The module; imported when None.
        torch: Likewise.
    """
    if not (_has_driver() if driver is None else driver):
        return _chosen(CpuEngine(), "there is no CUDA driver here")
    torch = torch or _imported("torch")
    if torch is not None and torch.cuda.is_available():
        devices = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
        return _chosen(
            TorchEngine(devices), f"torch sees {len(devices)} GPU(s), and is faster there than FAISS's flat index (bench/GPU.md)"
        )
    faiss = faiss or _imported("faiss")
    if faiss is None:
        return _chosen(CpuEngine(), "torch sees no GPU, and FAISS is not installed")
    if not hasattr(faiss, "StandardGpuResources"):
        return _chosen(CpuEngine(), "torch sees no GPU, and FAISS is built for CPUs alone")
    gpus = faiss.get_num_gpus()
    if not gpus:
        return _chosen(CpuEngine(), "FAISS is built for GPUs and sees none")
    return _chosen(FaissEngine(faiss, gpus), f"FAISS sees {gpus} GPU(s), and torch none")


def parity(engine: Engine, table: VectorTable, queries: Sequence[Asked], limit: int = 10) -> Parity:
    """How far `engine` answers as the CPU does, over all rows of `table`; at least one query."""
    every = [Kept(None, None, np.zeros(0, np.int64))] * len(queries)
    tables = [VectorTable(table.rows, table.dimensions, engine=one) for one in (engine, CpuEngine())]
    mine, theirs = ([scan.rows.tolist() for scan in one.scan_many(queries, every, limit)] for one in tables)
    found = sum(len(set(a) & set(b)) for a, b in zip(mine, theirs, strict=True))
    same = sum(a == b for a, b in zip(mine, theirs, strict=True))
    return Parity(tables[0].searched_by, len(queries), same / len(queries), found / max(1, sum(map(len, theirs))))


def _chosen(engine: Engine, reason: str) -> EngineChoice:
    return EngineChoice(engine, engine.name, reason)


def _flat_on(faiss: Any, gpu: int) -> Callable[[int], Any]:
    """Makes empty flat indexes in float16 on a GPU, which share its resources."""
    resources = faiss.StandardGpuResources()

    def make(dimension: int) -> Any:
        config = faiss.GpuIndexFlatConfig()
        config.device = gpu
        config.useFloat16 = True
        return faiss.GpuIndexFlatIP(resources, dimension, config)

    return make


def _free(device: str) -> int:
    free, _ = importlib.import_module("torch").cuda.mem_get_info(device) if device.startswith("cuda") else (1 << 62, 0)
    return int(free)


def _has_driver() -> bool:
    """Cheaper than to import torch on a machine without a GPU."""
    for name in ("libcuda.so.1", "nvcuda.dll"):
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
