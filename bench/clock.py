"""Takes times so that a loaded machine is as unfair to one side as to the other: the sides take turns, round by round."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

from bench.rows import Figure


def cpu_ms() -> float:
    """CPU time of this process, all its threads, in ms."""
    return time.process_time_ns() / 1e6


def wall_ms() -> float:
    """Wall time in ms."""
    return time.perf_counter_ns() / 1e6


def alternate(
    rounds: int, work: Mapping[str, Callable[[], object]], *, clock: Callable[[], float] = cpu_ms, per: int = 1
) -> dict[str, Figure]:
    """Time each work once a round, in ms per thing of the `per` things a call does, after a warm-up of each."""
    samples: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, once in work.items():
            gc.collect()
            began = clock()
            kept = once()
            taken = (clock() - began) / per
            del kept  # after the clock has stopped: letting go is not measured
            if number:
                samples[name].append(taken)
    return {name: Figure(tuple(one), "ms") for name, one in samples.items()}
