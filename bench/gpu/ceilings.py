"""The two ceilings of the card at hand: bytes a second through its memory, and products a second through its matrix units."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch


def seconds(work: Callable[[], object], *, rounds: int = 9, warm: int = 3) -> float:
    """Median seconds of `work` on the GPU, by its own clock."""
    for _ in range(warm):
        work()
    taken = []
    for _ in range(rounds):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        taken.append(start.elapsed_time(end) / 1000)
    return float(statistics.median(taken))


def bandwidth() -> float:
    """Bytes a second of reading alone: the sum of 8 GB, as a scan of vectors reads them."""
    data = torch.empty(2_000_000_000, dtype=torch.float32, device="cuda").normal_()
    return data.numel() * 4 / seconds(data.sum)


def matrix_rate(dtype: torch.dtype, size: int = 8192) -> float:
    """Floating-point operations a second of a square matrix product of random numbers."""
    a = torch.randn(size, size, device="cuda").to(dtype)
    b = torch.randn(size, size, device="cuda").to(dtype)
    return 2 * size**3 / seconds(lambda: a @ b)


def card() -> str:
    """The card and the versions, in words."""
    properties = torch.cuda.get_device_properties(0)
    return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}, torch {torch.__version__}"
