"""CPU time of this process and of all that it started: some databases search in a process of their own."""

from __future__ import annotations

import os
import time
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def tree_cpu_ms() -> float:
    """CPU time in ms, to a tick of 10 ms for the other processes; of this one alone where there is no /proc."""
    return time.process_time_ns() / 1e6 + sum(_ticks(pid) for pid in _descendants(os.getpid())) * 1000 / _TICK


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, thread.read_text().split()):
            found += [child, *_descendants(child)]
    return found


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])
