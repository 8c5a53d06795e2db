"""Flat and inverted-file search of FAISS on the GPU beside torch and the two ceilings: same ids, how fast, how near the bound.

    python -m bench.gpu.search [--rows 1000000 10000000] [--noise 2] [--out FOLDER]

The vectors are synthetic and clustered (384 dimensions, unit length, 4,000 centres); queries are other draws from the same
clusters. What is exact is compared id by id with a product in float32: an id that differs counts as the same only where its
product ties with the one expected to the last place that float32 (or float16, for halves) can tell.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.gpu.ceilings import bandwidth, card, matrix_rate, seconds

DIMENSION = 384
K = 10
CENTRES = 4_000
QUERIES = 1_024
BATCHES = (1, 64, 1_024)
TORCH_ROWS = 1_000_000
"""Rows a product of a block of queries is made over at once: 1,024 queries by 1 M rows in float32 are 4 GB."""


def clustered(count: int, seed: int, noise: float) -> torch.Tensor:
    """[count, 384] unit vectors around 4,000 centres of length 1, the same for every seed; `noise` is the length of what is added."""
    centres = torch.nn.functional.normalize(
        torch.randn(CENTRES, DIMENSION, generator=torch.Generator("cuda").manual_seed(7), device="cuda")
    )
    generator = torch.Generator("cuda").manual_seed(seed)
    made = torch.empty(count, DIMENSION, device="cuda")
    for start in range(0, count, TORCH_ROWS):
        stop = min(start + TORCH_ROWS, count)
        chosen = torch.randint(CENTRES, (stop - start,), generator=generator, device="cuda")
        added = torch.randn(stop - start, DIMENSION, generator=generator, device="cuda") * (noise / DIMENSION**0.5)
        made[start:stop] = torch.nn.functional.normalize(centres[chosen] + added)
    return made


def product_search(rows: torch.Tensor, queries: torch.Tensor, k: int = K) -> tuple[torch.Tensor, torch.Tensor]:
    """The peer: a matrix product and a top-k, block by block."""
    best: tuple[torch.Tensor, torch.Tensor] | None = None
    for start in range(0, len(rows), TORCH_ROWS):
        found, at = torch.topk(queries @ rows[start : start + TORCH_ROWS].T, k, dim=1)
        at = at + start
        if best is not None:
            found, order = torch.topk(torch.cat((best[0], found), 1), k, dim=1)
            at = torch.gather(torch.cat((best[1], at), 1), 1, order)
        best = (found, at)
    assert best is not None
    return best


def half_search(halves: torch.Tensor, queries: torch.Tensor, k: int = K) -> tuple[torch.Tensor, torch.Tensor]:
    """The same in float16."""
    return product_search(halves, queries.half(), k)


def filtered_search(rows: torch.Tensor, kept: torch.Tensor, queries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The same over the rows that a filter keeps, copied together for each batch anew."""
    return product_search(rows.index_select(0, kept), queries)


def asked(index: Any, queries: torch.Tensor) -> Any:
    """What a FAISS index answers."""
    return index.search(queries, K)


def agreement(rows: torch.Tensor, queries: torch.Tensor, ids: torch.Tensor, truth: torch.Tensor, slack: float) -> tuple[float, float]:
    """(share of ids found that are among the true ones, the same with ties within `slack` of the last true product counted)."""
    same = (ids[:, :, None] == truth[:, None, :]).any(2)
    last = (queries * rows[truth[:, -1]]).sum(1)
    mine = (queries[:, None, :] * rows[ids.clamp(min=0)]).sum(2)
    tied = same | ((mine >= last[:, None] - slack) & (ids >= 0))
    return same.float().mean().item(), tied.float().mean().item()


def timed(search: Callable[[torch.Tensor], Any], queries: torch.Tensor) -> dict[str, float]:
    """Queries a second by batch."""
    return {str(batch): batch / seconds(partial(search, queries[:batch])) for batch in BATCHES}


def faiss_flat(faiss: Any, resources: Any, rows: torch.Tensor, *, half: bool) -> Any:
    """A GpuIndexFlatIP over the rows."""
    config = faiss.GpuIndexFlatConfig()
    config.useFloat16 = half
    index = faiss.GpuIndexFlatIP(resources, DIMENSION, config)
    for start in range(0, len(rows), TORCH_ROWS):
        index.add(rows[start : start + TORCH_ROWS].contiguous())
    return index


def faiss_ivf(faiss: Any, resources: Any, rows: torch.Tensor, lists: int) -> tuple[Any, float]:
    """A GpuIndexIVFFlat over the rows, and the seconds it took to build."""
    began = time.perf_counter()
    index = faiss.GpuIndexIVFFlat(resources, DIMENSION, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[torch.randperm(len(rows), device="cuda")[: min(len(rows), 64 * lists)]].contiguous())
    for start in range(0, len(rows), TORCH_ROWS):
        index.add(rows[start : start + TORCH_ROWS].contiguous())
    torch.cuda.synchronize()
    return index, time.perf_counter() - began


def cpu_parity(faiss: Any, index: Any, rows: torch.Tensor, queries: torch.Tensor, count: int = 100) -> float:
    """Share of ids on which the GPU's flat index and FAISS on the CPU agree, over `count` queries and 1 M rows at most."""
    host = faiss.IndexFlatIP(DIMENSION)
    host.add(rows.cpu().numpy())
    expected = host.search(queries[:count].cpu().numpy(), K)[1]
    return float(np.mean(expected == index.search(queries[:count].contiguous(), K)[1].cpu().numpy()))


def bound(ceilings: dict[str, float], scanned: str, count: int, batch: int) -> float:
    """Queries a second that the card allows when all rows are read once a batch and multiplied once a query."""
    reads = batch * ceilings["bandwidth"] / (count * DIMENSION * (2 if scanned == "float16" else 4))
    return min(reads, ceilings[scanned] / (2 * DIMENSION * count))


def one_size(faiss: Any, resources: Any, count: int, ceilings: dict[str, float], noise: float) -> dict[str, Any]:
    """Everything measured over `count` rows."""
    rows, queries = clustered(count, 1, noise), clustered(QUERIES, 2, noise)
    truth = product_search(rows, queries)[1]
    out: dict[str, Any] = {"rows": count, "searches": {}}

    def note(name: str, search: Callable[[torch.Tensor], Any], *, slack: float, scanned: str | None = None, **more: float) -> None:
        """`scanned`: the type of what is read whole, for which there is a bound."""
        ids = search(queries)[1]
        exact, tied = agreement(rows, queries, ids, truth, slack)
        rates = timed(search, queries)
        share = {} if scanned is None else {b: rates[b] / bound(ceilings, scanned, count, int(b)) for b in rates}
        out["searches"][name] = {"same_ids": exact, "same_or_tied": tied, "per_second": rates, "of_bound": share, **more}
        print(count, name, json.dumps(out["searches"][name]), flush=True)

    flat: Any = faiss_flat(faiss, resources, rows, half=False)
    note("faiss flat, float32", partial(asked, flat), scanned="float32", slack=1e-6)
    if count <= 1_000_000:
        out["cpu_parity"] = cpu_parity(faiss, flat, rows, queries)
        print(count, "cpu parity", out["cpu_parity"], flush=True)
    flat = None  # the memory, before the next is made
    flat = faiss_flat(faiss, resources, rows, half=True)
    note("faiss flat, float16", partial(asked, flat), scanned="float16", slack=2e-3)
    flat = None
    note("torch product and top-k, float32", partial(product_search, rows), scanned="float32", slack=1e-6)
    halves: Any = rows.half()
    note("torch product and top-k, float16", partial(half_search, halves), scanned="float16", slack=2e-3)

    def rescored(q: torch.Tensor, halves: torch.Tensor = halves) -> tuple[torch.Tensor, torch.Tensor]:
        ids = half_search(halves, q, 4 * K)[1]
        found, order = torch.topk((q[:, None, :] * rows[ids]).sum(2), K, dim=1)
        return found, torch.gather(ids, 1, order)

    note("torch float16, best 40 rescored in float32", rescored, scanned="float16", slack=1e-6)
    for share in (0.01, 0.1):
        kept = torch.randperm(count, device="cuda")[: int(count * share)].sort().values
        want = product_search(rows[kept], queries)[1]
        got = half_search(halves[kept], queries)[1]
        rates = timed(partial(filtered_search, rows, kept), queries)
        filtered = {"per_second": rates, "half_same_ids": agreement(rows[kept], queries, got, want, 2e-3)[0]}
        out["searches"][f"filter keeping {share:.0%}: rows gathered, then torch float32"] = filtered
        print(count, "filter", share, json.dumps(filtered), flush=True)
    halves = None
    lists = 4_096 if count <= 1_000_000 else 16_384
    ivf, built = faiss_ivf(faiss, resources, rows, lists)
    for probes in (16, 64):
        ivf.nprobe = probes
        name = f"faiss IVFFlat {lists}, nprobe {probes}"
        note(name, partial(asked, ivf), slack=1e-6, build_seconds=built)
    return out


def main() -> None:
    """Measure, and write search.json."""
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    options.add_argument("--out", type=Path, default=Path())
    options.add_argument("--noise", type=float, default=2.0)
    given = options.parse_args()
    import faiss
    import faiss.contrib.torch_utils  # lets FAISS take tensors that lie on the GPU

    torch.backends.cuda.matmul.allow_tf32 = False
    resources = faiss.StandardGpuResources()
    ceilings = {"bandwidth": bandwidth(), "float32": matrix_rate(torch.float32), "float16": matrix_rate(torch.float16)}
    print(card(), "faiss", faiss.__version__, json.dumps(ceilings), flush=True)
    sizes = []
    for count in given.rows:
        sizes.append(one_size(faiss, resources, count, ceilings, given.noise))
        found = {"card": card(), "faiss": faiss.__version__, "ceilings": ceilings, "sizes": sizes}
        (given.out / "search.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
