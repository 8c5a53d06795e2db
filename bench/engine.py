"""What the graph and its checkpoints add to a review."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from agent.engine import require_safe_engine
from agent.graph import STEPS, run_review
from agent.parts import Parts
from agent.record import begin
from agent.request import ReviewRequest
from agent.workspace import Workspace
from bench.clock import cpu_ms, wall_ms
from bench.rows import Figure, Goal, Row
from bench.setting import Setting
from bench.stages import review_all
from sandbox.patients.story import CLOCK
from sidenote.settings import Settings
from sidenote.wiring import wired

COMMITS = Goal("9", "what the engine adds to a review: at most 2x one raw database commit per durable point", 2.0)
BYTES = Goal("10", "checkpoint bytes at most 0.05x of a saver that holds the chart", 0.05)
STORY = "ckd4-contrast"
_STORED = "SELECT count(*), sum(length(checkpoint) + length(metadata)) FROM checkpoints WHERE thread_id LIKE ?"
_WRITES = "SELECT coalesce(sum(length(value)), 0) FROM writes WHERE thread_id LIKE ?"


class Stored(NamedTuple):
    """What one thread left in a checkpoint file: durable points, and bytes of checkpoints, metadata and pending writes."""

    points: int
    size: int


class WholeState(TypedDict, total=False):
    """The state of the peer graph: the chart itself travels in it."""

    chart: dict[str, Any]


def engine(setting: Setting) -> tuple[Row, ...]:
    """The graph and its checkpoints.

    Wall time, because a commit waits for the disk. One review without image model goes through LangGraph with the SQLite saver,
    and then through the same steps called one after another; what the engine adds is the difference within a round, and as noisy
    as the disk; its CPU time is steadier. The peer
    commits as many rows of the same size to SQLite by hand, as durably (WAL, synchronous FULL). Bytes are those of a review of
    the largest chart; the peer is the same graph with the parsed chart in its state and LangGraph's own saver.
    """
    require_safe_engine()
    points, taken = asyncio.run(_rounds(setting))
    whole = asyncio.run(_stored_with_chart(setting))
    setting.tell("reviewing the largest chart")
    home = setting.scratch / "largest"
    review_all(home, setting.scratch, setting.chart_file, (setting.patient,), image_model=False)
    ours, peer = (Figure((stored.size / 1000,), "kB") for stored in (stored_by(home / "checkpoints.sqlite"), whole))
    added, added_cpu = (_difference(taken[f"graph {clock}"], taken[f"straight {clock}"]) for clock in ("wall", "CPU"))
    commits = "one raw SQLite commit" if points == 1 else f"{points} raw SQLite commits"
    return (
        Row("the engine adds to a review", added, commits, taken["raw"], COMMITS),
        Row("of that, CPU time", added_cpu, commits, taken["raw"]),
        Row("review through the graph", taken["graph wall"], "the same steps called in order", taken["straight wall"]),
        Row("checkpoint bytes of a review", ours, "a state that holds the chart", peer, BYTES),
    )


async def _rounds(setting: Setting) -> tuple[int, dict[str, Figure]]:
    samples: dict[str, list[float]] = defaultdict(list)
    home, raw = setting.scratch / "engine", by_hand(setting.scratch / "raw.sqlite")
    async with wired(Settings(home=home), [str(setting.hospital)], image_model=False) as parts:
        for number in range(setting.rounds(40) + 1):
            setting.tell(f"round {number}")
            request = ReviewRequest(STORY, CLOCK, image_model=False)
            taken = await _timed("graph", run_review(request, parts))
            taken |= await _timed("straight", straight(ReviewRequest(STORY, CLOCK, image_model=False), parts))
            stored = stored_by(home / "checkpoints.sqlite", request.review_id)
            taken["raw"] = raw_commits(raw, stored)
            for name in taken if number else ():  # the first round warms up
                samples[name].append(taken[name])
    raw.close()
    return stored.points, {name: Figure(tuple(one), "ms") for name, one in samples.items()}


async def _timed(name: str, work: Awaitable[object]) -> dict[str, float]:
    gc.collect()
    wall, cpu = wall_ms(), cpu_ms()
    await work
    return {f"{name} wall": wall_ms() - wall, f"{name} CPU": cpu_ms() - cpu}


def _difference(one: Figure, other: Figure) -> Figure:
    return Figure(tuple(a - b for a, b in zip(one.samples, other.samples, strict=True)), one.unit)


async def straight(request: ReviewRequest, parts: Parts) -> None:
    """The steps of a review, without a graph and without checkpoints: the flight record alone is durable."""
    workspace = Workspace(request, parts, begin(parts.records, request.review_id))
    for _, step, _ in STEPS:
        await step(workspace)


def stored_by(path: Path, thread: str = "") -> Stored:
    """What the threads with that text in their name stored in a LangGraph checkpoint file."""
    connection = sqlite3.connect(path)
    points, size = connection.execute(_STORED, (f"%{thread}%",)).fetchone()
    (writes,) = connection.execute(_WRITES, (f"%{thread}%",)).fetchone()
    connection.close()
    return Stored(points, size + writes)


def by_hand(path: Path) -> sqlite3.Connection:
    """A database as durable as the saver's. It stays open like the saver's: opening and closing make and fold up the log."""
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE point (value BLOB)")
    return connection


def raw_commits(connection: sqlite3.Connection, stored: Stored) -> float:
    """Milliseconds for as many commits of as many bytes each, by hand."""
    blob = bytes(stored.size // stored.points)
    began = wall_ms()
    for _ in range(stored.points):
        connection.execute("INSERT INTO point VALUES (?)", (blob,))
        connection.commit()
    return wall_ms() - began


async def _stored_with_chart(setting: Setting) -> Stored:
    """What a graph of the same shape stores that carries the parsed chart in its state."""
    import orjson
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph import StateGraph

    chart, path = orjson.loads(setting.chart_file.read_bytes()), setting.scratch / "whole.sqlite"
    builder: StateGraph[WholeState] = StateGraph(WholeState)
    for name, _, after in STEPS:
        builder.add_node(f"do-{name}", lambda state, name=name: {"chart": chart} if name == "chart" else {})
        builder.add_edge([f"do-{one}" for one in after] or "__start__", f"do-{name}")
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        await builder.compile(checkpointer=saver).ainvoke({"chart": {}}, {"configurable": {"thread_id": "peer"}}, durability="sync")
    return stored_by(path)
