"""How the case index searches beside the libraries that search vectors."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.children import ROOT, in_child
from bench.rows import Figure, Goal, Row
from bench.setting import Setting

WRITTEN = ROOT / "bench" / "index.json"
SMALL, MIDDLE, LARGE = 20_000, 100_000, 1_000_000
_FOUND = {
    "all": Goal("7, recall", "unfiltered: at least .98 of the nearest", 0.02, "figure"),
    "1.0%": Goal("4, recall", "1 % filter: all of the nearest", 0.0005, "figure"),
    "10.0%": Goal("5, recall", "10 % filter: at least .99 of the nearest", 0.01, "figure"),
}
_FASTER = {
    "1.0%": Goal("4", "1 % filter: 3x the fastest library that finds .94", 1 / 3),
    "10.0%": Goal("5", "10 % filter: 1.5x the better of FAISS flat and IVF", 1 / 1.5),
}
_ALONE = {"10.0%": Goal("5, one by one", "10 % filter over 1,000,000, one query at a time: 1.5x the better of FAISS flat and IVF", 1 / 1.5)}
_UNFILTERED = {
    MIDDLE: Goal("7, 100k", "unfiltered: 60x FAISS flat over 100,000", 1 / 60),
    LARGE: Goal("7, 1M", "unfiltered: 80x FAISS flat over 1,000,000", 1 / 80),
}


def index(setting: Setting) -> tuple[Row, ...]:
    """The case index.

    CPU time a query in a child with one thread, k 10, 384 columns in synthetic groups (bench/clustered.py). Each library is built
    once and kept in the user's part of the temporary folder; searched with each of its settings; and the fastest of those that find
    enough then takes turns with ours, 64 queries at once and one by one. Ours is asked through `VectorTable`, with its planning,
    scoring again and sorting. A clustered filter keeps what is like the queries, a random one anything. Graphs are built up to
    100,000 rows, since over 1,000,000 they take more than ten minutes of a core; milvus-lite and LanceDB over 20,000, where they are
    searched as databases are, query by query.
    """
    from bench.index_runs import measure

    sizes = (MIDDLE,) if setting.quick else (SMALL, MIDDLE, LARGE)
    found = []
    for size in sizes:
        setting.tell(f"searching {size:,} rows, built first where they are not")
        found.append(in_child(measure, str(folder(size)), size, setting.rounds(7)))
    if not setting.quick:
        write(found, WRITTEN)
    return tuple(row for one in found for row in rows(one))


def folder(size: int) -> Path:
    """Where what was built for `size` rows is kept."""
    owned = Path(tempfile.gettempdir()) / f"sidenote-bench-{os.getuid()}"
    owned.mkdir(mode=0o700, exist_ok=True)
    return owned / f"index-{size}"


def write(found: Iterable[Mapping[str, Any]], path: Path) -> None:
    """The measurements by size, as JSON from which the plot and the tables of docs/retrieval.md are made."""
    known = {one["rows"]: one for one in json.loads(path.read_text())} if path.exists() else {}
    known |= {one["rows"]: one for one in found}
    path.write_text(json.dumps([known[size] for size in sorted(known)], indent=1) + "\n")


def rows(found: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of one size."""
    size = f"{found['rows']:,}"
    for duel in found["duels"]:
        yield from _duelled(found, duel, size)
    databases = [line for line in found["searches"] if line["filter"] == "all" and line["library"] in ("milvus-lite flat", "lancedb flat")]
    alone = [duel for duel in found["duels"] if duel["filter"] == "all" and duel["batch"] == 1]
    for line in databases:
        yield Row(f"{size}, unfiltered, one by one", _ms(alone[0]["ms"]), line["library"], _ms([line["ms"]]))
    yield from _sizes(found, size)


def _duelled(found: Mapping[str, Any], duel: Mapping[str, Any], size: str) -> Iterator[Row]:
    name, batch = duel["filter"], duel["batch"]
    what = f"{size}, {'unfiltered' if name == 'all' else name}, {'one by one' if batch == 1 else f'{batch} at once'}: {duel['plans'][0]}"
    peer = f"{duel['library']}{' ' + str(duel['setting']) if duel['setting'] else ''}, recall {duel['their_recall']:.3f}"
    if name == "all, exactly":
        yield from _ceilings(found, duel, what, peer)
        return
    share = name.split()[0]
    many = batch > 1
    faster = _UNFILTERED.get(found["rows"]) if name == "all" else _FASTER.get(share)
    alone = _ALONE.get(share) if found["rows"] >= LARGE else None
    counts = found["rows"] >= MIDDLE and (many or alone is not None)
    yield Row(what, _ms(duel["ms"]), peer, _ms(duel["their_ms"]), (faster if many else alone) if counts else None)
    missed = Figure((1 - duel["recall"],), "of the nearest missed")
    yield Row(f"{what}, missed", missed, goal=_FOUND.get(share) if counts else None)


def _ceilings(found: Mapping[str, Any], duel: Mapping[str, Any], what: str, peer: str) -> Iterator[Row]:
    counts = found["rows"] >= MIDDLE
    if duel["batch"] == 1:
        near = Goal("6, single", "flat, one query: .8 of the bandwidth", 1 / 0.8) if counts else None
        yield Row(what, _ms(duel["ms"]), peer, _ms(duel["their_ms"]))
        yield Row(what, _ms(duel["ms"]), "reading the rows once", _ms(found["ceilings"]["read_ms"]), near)
        return
    faster = Goal("6", "flat, 64 queries at once: 3x FAISS flat", 1 / 3) if counts else None
    near = Goal("6, GEMM", "flat, 64 queries at once: .4 of the peak of a matrix product", 1 / 0.4) if counts else None
    yield Row(what, _ms(duel["ms"]), peer, _ms(duel["their_ms"]), faster)
    yield Row(what, _ms(duel["ms"]), "multiplying at the peak of a large product", _ms(found["ceilings"]["multiply_ms"]), near)


def _sizes(found: Mapping[str, Any], size: str) -> Iterator[Row]:
    built, ours = found["built"], found["built"]["Sidenote"]
    vectors = Figure((found["bytes"] / 1e6,), "MB")
    if ours["bytes"]:
        small = Goal("7, bytes", "unfiltered: at most .45x of the vectors' bytes", 0.45) if found["rows"] >= MIDDLE else None
        yield Row(f"{size}, approximate index", Figure((ours["bytes"] / 1e6,), "MB"), "the vectors in float32", vectors, small)
    for name, peer in built.items():
        if name not in ("Sidenote", "faiss Flat") and ours["bytes"]:
            theirs = Figure((peer["cpu_seconds"],), "s")
            yield Row(f"{size}, build of the approximate index, tuned", Figure((ours["cpu_seconds"],), "s"), name, theirs)
    opened = found["opened"]
    yield Row(
        f"{size}, open: every byte hashed, mapped", _ms(opened["ms"]), "faiss.read_index of a flat file, unchecked", _ms(opened["their_ms"])
    )


def _ms(samples: Iterable[float]) -> Figure:
    return Figure(tuple(samples), "ms")
