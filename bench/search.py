"""How long the case library takes to build and to search."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from bench.children import in_child
from bench.clock import alternate, cpu_ms
from bench.rows import Figure, Row
from bench.setting import Setting

QUERIES = 20
K = 5
CASES_A_BUILD = 48
"""Under 64 cases are drawn in this process, so that their CPU time is seen."""


def search(setting: Setting) -> tuple[Row, ...]:
    """The case library.

    CPU time in a child with one thread. A search takes away the bound patient, later dates and near-duplicates, scans, compares
    with the calibrated threshold, reads the cards and picks varied ones; the peer multiplies and partitions the same vectors and
    knows nothing else. Build times are per case, drawing apart from embedding and writing.
    """
    found = in_child(searches, str(setting.library), setting.rounds(25))
    taken = {name: Figure(tuple(samples), "ms") for name, samples in found.items()}
    setting.tell("building")
    drawing, building = in_child(builds, str(setting.scratch / "builds"), setting.rounds(3))
    peer = f"numpy matmul and argpartition over {setting.cases:,} rows"
    return (
        Row(f"search of {setting.cases:,} cases, image and report", taken["search"], peer, taken["raw"]),
        Row("of that, the scan", taken["scan"], peer, taken["raw"]),
        Row("scan of the 1 % that a filter keeps", taken["scan 1 %"], peer, taken["raw"]),
        Row("build, per case: drawing the phantom and its report", Figure(tuple(drawing), "ms")),
        Row("build, per case: embedding, writing, reading back", Figure(tuple(building), "ms")),
    )


def searches(folder: str, rounds: int) -> dict[str, tuple[float, ...]]:
    """Milliseconds a query, by kind. Run in a child."""
    import numpy as np

    from retrieval.cards import Query
    from retrieval.generation.generations import current
    from retrieval.library import open_library
    from retrieval.vectors import Kept, ask

    library = open_library(Path(folder), current(Path(folder)).manifest.encoder_fingerprint)
    stack, weight, check = library.stack, library.terms.image_weight, library.terms.key_check
    vectors = stack.vectors(np.linspace(0, stack.cases - 1, QUERIES).astype(np.int64))
    image, text = (vectors[:, stack.dimensions.columns(kind)] for kind in ("image", "text"))
    asked = [ask(image[n], text[n], weight, stack.dimensions) for n in range(QUERIES)]
    rows, none = stack.vectors(np.arange(stack.cases)), np.zeros(0, np.int64)
    every, few = Kept(None, None, none), Kept(np.arange(0, stack.cases, 100), "1 %", none)
    work = {
        "search": lambda: [library.search(Query(image[n], text[n], date(2026, 1, 1), K, check)) for n in range(QUERIES)],
        "scan": lambda: [stack.scan(one, every, K) for one in asked],
        "scan 1 %": lambda: [stack.scan(one, few, K) for one in asked],
        "raw": lambda: [np.argpartition(-(rows @ one.vector), K)[:K] for one in asked],
    }
    return {name: figure.samples for name, figure in alternate(rounds, work, per=QUERIES).items()}


def builds(folder: str, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds a case: drawing, and building. Run in a child."""
    from retrieval.building.build import build
    from sidenote.encoders import encoder_named
    from sidenote.library import phantom_cases, phantom_keyring

    encoder, drawing, building = encoder_named("compact"), [], []
    for number in range(rounds):
        began = cpu_ms()
        cases = list(phantom_cases(CASES_A_BUILD, first=number * CASES_A_BUILD))
        drawn = cpu_ms()
        build(cases, encoder, Path(folder) / str(number), keyring=phantom_keyring())
        drawing.append((drawn - began) / CASES_A_BUILD)
        building.append((cpu_ms() - drawn) / CASES_A_BUILD)
    return drawing, building
