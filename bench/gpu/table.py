"""The case index's own table on a GPU: how fast it answers, planning, scoring again and sorting included, beside FAISS and torch.

    python -m bench.gpu.table [--rows 1000000 10000000] [--out FOLDER]

Rows and queries are those of `bench.gpu.search`. Wall time from a query on the CPU to its rows on the CPU, as the index is asked;
the peers' likewise. The bound is reading all rows as halves once a batch, or the matrix product of all of them.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.gpu.ceilings import bandwidth, card, matrix_rate
from bench.gpu.search import BATCHES, DIMENSION, QUERIES, K, bound, clustered, faiss_flat, product_search
from retrieval.vectors import Asked, Dimensions, Kept, VectorTable, choose_engine

SHARES = (None, 0.1, 0.01, 0.001)
_NONE = np.zeros(0, np.int64)


def wall(work: Callable[[], object], rounds: int = 15) -> float:
    """Median seconds."""
    for _ in range(3):
        work()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def kept_rows(count: int, share: float | None) -> Kept:
    """What a filter keeps that has nothing to do with the queries."""
    if share is None:
        return Kept(None, None, _NONE)
    rows = np.sort(np.random.default_rng(3).choice(count, int(count * share), replace=False)).astype(np.int64)
    return Kept(rows, share, _NONE)


def multiplied(halves: torch.Tensor, queries: NDArray[np.float32]) -> torch.Tensor:
    """The peer of torch."""
    return product_search(halves, torch.from_numpy(queries).cuda().half())[1].cpu()


def looked_up(flat: Any, queries: NDArray[np.float32]) -> torch.Tensor:
    """The peer of FAISS."""
    found: torch.Tensor = flat.search(torch.from_numpy(queries).cuda(), K)[1].cpu()
    return found


def peers(faiss: Any, resources: Any, rows: torch.Tensor, queries: NDArray[np.float32]) -> dict[str, dict[str, float]]:
    """Seconds a batch without a filter."""
    searches: dict[str, Callable[[NDArray[np.float32]], object]] = {"torch product and top-k, float16": partial(multiplied, rows.half())}
    if resources is not None:
        searches["faiss flat, float16"] = partial(looked_up, faiss_flat(faiss, resources, rows, half=True))
    return {name: {str(n): wall(partial(search, queries[:n])) for n in BATCHES} for name, search in searches.items()}


def one_size(faiss: Any, resources: Any, count: int, ceilings: dict[str, float]) -> dict[str, Any]:
    """Everything measured over `count` rows."""
    rows, queries = clustered(count, 1, 2.0), clustered(QUERIES, 2, 2.0)
    asked = [Asked("image", row) for row in queries.cpu().numpy()]
    out: dict[str, Any] = {"rows": count, "peers": peers(faiss, resources, rows, queries.cpu().numpy()), "table": {}}
    print(count, json.dumps(out["peers"]), flush=True)
    choice = choose_engine()
    began = time.perf_counter()
    table = VectorTable(rows.cpu().numpy(), Dimensions(DIMENSION, 0), engine=choice.engine)
    out["engine"], out["open_seconds"] = choice.name, time.perf_counter() - began
    for share in SHARES:
        kept = kept_rows(count, share)
        among = rows if share is None else rows[torch.from_numpy(kept.base).cuda()]
        truth = product_search(among, queries)[1].cpu().numpy()
        if kept.base is not None:
            truth = kept.base[truth]
        scans = table.scan_many(asked, [kept] * len(asked), K)
        same = float(np.mean([len(set(scan.rows.tolist()) & set(row.tolist())) / K for scan, row in zip(scans, truth, strict=True)]))
        taken = {str(n): wall(partial(table.scan_many, asked[:n], [kept] * n, K)) for n in BATCHES}
        of_bound = {n: int(n) / taken[n] / bound(ceilings, "float16", count, int(n)) for n in taken} if share is None else {}
        name = "all" if share is None else f"{share:.1%}"
        out["table"][name] = {"same_ids": same, "seconds": taken, "of_bound": of_bound, "plan": scans[0].plan}
        print(count, name, json.dumps(out["table"][name]), flush=True)
    return out


def main() -> None:
    """Measure, and write table.json."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    options.add_argument("--out", type=Path, default=Path())
    given = options.parse_args()
    faiss: Any = None
    resources: Any = None
    with contextlib.suppress(ImportError, AttributeError):  # without a FAISS for GPUs there is one peer less
        faiss = importlib.import_module("faiss")
        importlib.import_module("faiss.contrib.torch_utils")  # lets FAISS take tensors that lie on the GPU
        resources = faiss.StandardGpuResources()
    torch.backends.cuda.matmul.allow_tf32 = False
    ceilings = {"bandwidth": bandwidth(), "float32": matrix_rate(torch.float32), "float16": matrix_rate(torch.float16)}
    print(card(), json.dumps(ceilings), flush=True)
    sizes = []
    for count in given.rows:
        sizes.append(one_size(faiss, resources, count, ceilings))
        (given.out / "table.json").write_text(json.dumps({"card": card(), "ceilings": ceilings, "sizes": sizes}, indent=1))


if __name__ == "__main__":
    main()
