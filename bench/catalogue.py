"""Every benchmark by its name, in the order they run: the light ones before those that load a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.audit import audit
from bench.dicomweb import dicomweb
from bench.embedding import embedding
from bench.engine import engine
from bench.heap import heap
from bench.index import index
from bench.memory import memory
from bench.model import model
from bench.pack import pack
from bench.parsing import parsing
from bench.pixels import pixels
from bench.pull import pull
from bench.rows import Row
from bench.search import search
from bench.served import served
from bench.setting import Setting
from bench.sidebar import sidebar
from bench.stages import stages
from bench.startup import startup

Benchmark = Callable[[Setting], tuple[Row, ...]]

BENCHMARKS: Mapping[str, Benchmark] = {
    one.__name__: one
    for one in (
        parsing,
        heap,
        startup,
        pull,
        pack,
        audit,
        dicomweb,
        pixels,
        memory,
        engine,
        stages,
        model,
        served,
        embedding,
        index,
        search,
        sidebar,
    )
}
"""The first line of a benchmark's docstring is its heading, the rest says how it measures."""
