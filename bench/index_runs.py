"""What a child of the benchmark of the case index does: builds what is missing, then searches with each library in turns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.children import ROOT
from bench.clock import alternate
from bench.clustered import on_disk
from bench.peers.by_faiss import Flat, Graph, InvertedFile
from bench.peers.databases import Lance, Milvus
from bench.peers.graphs import Hnswlib, Usearch
from bench.peers.peer import Ids, Opened, Peer, Rows
from bench.scenes import BATCH, DIMENSIONS, K, Ours, Scene, all_scenes
from bench.trees import tree_cpu_ms
from retrieval.vectors import NearNote, VectorTable, load_near, make_near

OURS = "Sidenote"
PEERS: tuple[Peer, ...] = (
    Flat(),
    InvertedFile(),
    Graph("faiss HNSW32", "HNSW32"),
    Graph("faiss HNSW32 SQ8", "HNSW32,SQ8"),
    Hnswlib(),
    Usearch(),
    Milvus(),
    Lance(),
)
_SLOW = 20.0
"""Milliseconds a query from which an eighth of the queries is enough."""


def measure(folder: str, count: int, rounds: int) -> dict[str, Any]:
    """Everything about `count` rows; see `bench.index.index`. Run in a child."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    rows = np.asarray(on_disk(place / "vectors.npy", count))
    peers = [peer for peer in PEERS if count <= peer.most]
    built = {peer.name: _built(place, peer.name, partial(peer.build, rows)) for peer in peers}
    built[OURS] = _built(place, "near.faiss", partial(_make, rows), _made_by())
    run = _Run(Ours(_table(place, rows)), {peer.name: peer.open(rows, place / _file(peer.name)) for peer in peers}, rounds)
    scenes = all_scenes(rows)
    searches = [line for scene in scenes for line in run.sweep(scene)]
    return {
        "rows": count,
        "columns": rows.shape[1],
        "bytes": rows.nbytes,
        "built": built,
        "searches": searches,
        "duels": [*run.duels(scenes, searches), *_exactly(scenes[0], rows, run)],
        "ceilings": _ceilings(rows, rounds),
        "opened": _opened(place, rows, rounds),
    }


@dataclass(frozen=True)
class _Run:
    """This project's table beside the libraries' indexes over the same rows."""

    ours: Ours
    peers: Mapping[str, Opened]
    rounds: int

    def sweep(self, scene: Scene) -> Iterator[dict[str, Any]]:
        """Recall and milliseconds a query of every setting of every library, once."""
        for batch in (BATCH, 1):
            self.ours.search(scene, batch)  # the first query under a filter copies its rows
            yield _timed(scene, {"library": OURS, "batch": batch}, partial(self.ours.search, scene, batch))
        for peer in PEERS:
            if peer.name in self.peers and (scene.mask is None or peer.filters):
                yield from (self._swept(scene, peer, setting) for setting in peer.settings)

    def _swept(self, scene: Scene, peer: Peer, setting: int) -> dict[str, Any]:
        search = partial(self.peers[peer.name].search, k=K, setting=setting, mask=scene.mask)
        first = _timed(scene, {}, partial(search, scene.queries[:4]))
        queries = scene.queries[: BATCH // 8] if first["ms"] > _SLOW else scene.queries
        return _timed(scene, {"library": peer.name, "batch": len(queries), "setting": setting}, partial(search, queries))

    def duels(self, scenes: Sequence[Scene], searches: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The goals: this table and the fastest library that finds enough, in turns; 64 queries at once, and one by one."""
        for scene in scenes:
            enough, only = _terms(scene.filter)
            lines = [line for line in searches if line["filter"] == scene.filter and line["library"] in only and line["recall"] >= enough]
            if lines:
                best = min(lines, key=lambda line: float(line["ms"]))
                yield from (self.duel(scene, best["library"], best["setting"], batch) for batch in (BATCH, 1))

    def duel(self, scene: Scene, library: str, setting: int, batch: int) -> dict[str, Any]:
        """Samples of both, in turns."""
        queries = BATCH // 8 if batch == 1 and library == Flat.name and scene.mask is None else BATCH
        parts = [scene.queries[start : start + batch] for start in range(0, queries, batch)]

        def theirs() -> Ids:
            return np.vstack([self.peers[library].search(part, K, setting, scene.mask) for part in parts])

        def mine() -> Ids:
            return self.ours.search(scene, batch, queries)

        figures = alternate(self.rounds, {"ours": mine, "theirs": theirs}, clock=tree_cpu_ms, per=queries)
        return {
            "filter": scene.filter,
            "batch": batch,
            "library": library,
            "setting": setting,
            "recall": scene.recall(mine()),
            "their_recall": scene.recall(theirs()),
            "plans": sorted(self.ours.plans),
            "ms": figures["ours"].samples,
            "their_ms": figures["theirs"].samples,
        }


def _terms(name: str) -> tuple[float, tuple[str, ...]]:
    """How much a library must find to be compared with, and which libraries are meant: goals 4, 5 and 7."""
    if name == "all":
        return 1.0, (Flat.name,)
    return (0.99, (Flat.name, InvertedFile.name)) if name.startswith("10") else (0.94, tuple(peer.name for peer in PEERS))


def _exactly(scene: Scene, rows: Rows, run: _Run) -> list[dict[str, Any]]:
    """Goal 6: without the approximate index."""
    exact = _Run(Ours(VectorTable(rows, DIMENSIONS)), run.peers, run.rounds)
    return [exact.duel(scene, Flat.name, 0, batch) | {"filter": "all, exactly"} for batch in (BATCH, 1)]


def _timed(scene: Scene, line: dict[str, Any], search: Callable[[], Ids]) -> dict[str, Any]:
    began = tree_cpu_ms()
    ids = search()
    taken = (tree_cpu_ms() - began) / len(ids)
    return {"filter": scene.filter, "setting": 0} | line | {"recall": scene.recall(ids), "ms": taken}


def _file(name: str) -> str:
    return name.replace(" ", "-")


def _make(rows: Rows, path: Path) -> None:
    note = make_near(rows, DIMENSIONS, 0.5, path)
    path.with_suffix(".json").write_text("null" if note is None else note.model_dump_json())


def _built(place: Path, name: str, build: Callable[[Path], None], made_by: str = "") -> dict[str, Any]:
    """CPU seconds and bytes of a build, made once and kept, and made again by other code."""
    path, noted = place / _file(name), place / f"{_file(name)}.built"
    if not noted.exists() or json.loads(noted.read_text()).get("made_by", "") != made_by:
        began = tree_cpu_ms()
        build(path)
        seconds = (tree_cpu_ms() - began) / 1000
        files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
        size = sum(one.stat().st_size for one in files)
        noted.write_text(json.dumps({"cpu_seconds": seconds, "bytes": size, "made_by": made_by}))
    known: dict[str, Any] = json.loads(noted.read_text())
    return known


def _made_by() -> str:
    """Identifies the code that makes and tunes the approximate index."""
    sources = (ROOT / "retrieval" / "vectors" / f"{name}.py" for name in ("making", "near", "tuning"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]


def _table(place: Path, rows: Rows) -> VectorTable:
    note = (place / "near.json").read_text()
    if note == "null":
        return VectorTable(rows, DIMENSIONS)
    data = np.memmap(place / "near.faiss", dtype=np.uint8, mode="r")
    return VectorTable(rows, DIMENSIONS, load_near(data, NearNote.model_validate_json(note)))


def _ceilings(rows: Rows, rounds: int) -> dict[str, Any]:
    """Milliseconds a query that reading all rows once, and multiplying them at the peak of a large product, would take."""
    side = np.random.default_rng(0).standard_normal((2_048, 2_048), dtype=np.float32)
    taken = alternate(rounds, {"read": rows.max, "multiply": lambda: side @ side})
    share = rows.size / 2_048**3
    return {"read_ms": taken["read"].samples, "multiply_ms": [one * share for one in taken["multiply"].samples]}


def _opened(place: Path, rows: Rows, rounds: int) -> dict[str, Any]:
    """Milliseconds to open: ours hashes every byte first."""

    def mine() -> VectorTable:
        for name in ("vectors.npy", "near.faiss"):
            if (place / name).exists():
                hashlib.sha256(np.memmap(place / name, dtype=np.uint8, mode="r").data).hexdigest()
        return _table(place, np.asarray(np.load(place / "vectors.npy", mmap_mode="r")))

    figures = alternate(rounds, {"ours": mine, "theirs": lambda: Flat().open(rows, place / _file(Flat.name))})
    return {"ms": figures["ours"].samples, "their_ms": figures["theirs"].samples}
