"""Heap of a Chart."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

from bench.children import in_child
from bench.rows import Figure, Goal, Row
from bench.setting import Setting

GOAL = Goal("2", "heap per resource at most 0.25x dicts", 0.25)


def heap(setting: Setting) -> tuple[Row, ...]:
    """Heap per resource.

    What stays allocated (tracemalloc) in a child process once the bytes that were read are let go. A Chart keeps the original
    text of each resource; a body that was read stays parsed beside it, so the second row is the most a review can reach.
    """
    asked, rounds = (str(setting.chart_file), setting.patient), range(setting.rounds(3))
    dicts, chart, bodies = (Figure(tuple(in_child(held, *asked, kind) for _ in rounds), "kB") for kind in ("dicts", "chart", "bodies"))
    peer = "dicts of orjson.loads"
    return Row("Chart", chart, peer, dicts, GOAL), Row("Chart with every body read", bodies, peer, dicts)


def held(path: str, patient: str, kind: str) -> float:
    """Kilobytes held per resource by one of the kinds. Run in a child."""
    import orjson

    from fhir.files import chart_from_bytes

    text = Path(path).read_bytes()
    count = len(tuple(chart_from_bytes(text, patient)))  # a first pass, so that imports and tables are not counted
    orjson.loads(text)
    gc.collect()
    tracemalloc.start()
    kept = orjson.loads(text) if kind == "dicts" else chart_from_bytes(text, patient)
    bodies = [fact.body for fact in kept] if kind == "bodies" else []
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    del kept, bodies
    return size / count / 1000
