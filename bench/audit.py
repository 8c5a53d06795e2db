"""What it costs that nothing is read without a row on the disk."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import Callable
from pathlib import Path

from agent.graph import run_review
from agent.request import ReviewRequest
from bench.clock import alternate, wall_ms
from bench.engine import STORY, by_hand
from bench.fhirserver import LATENCY, PATIENT, running
from bench.rows import Figure, Row
from bench.setting import Setting
from fhir.access import Access
from fhir.server import ServerSource
from sandbox.ehr.serve import running as hospital
from sandbox.ehr.store import Store
from sandbox.patients.builder import bundle
from sandbox.patients.hospital import stories
from sandbox.patients.story import CLOCK
from sidenote.audit.events import Entity, Who, exchanged
from sidenote.audit.store import Audit
from sidenote.audit.witness import SessionWitness
from sidenote.settings import Settings
from sidenote.wiring import standing

WHO = Who("bench", "Practitioner/bench", "bench", "s-1")
ROW = exchanged(
    WHO, "E", "search-type", 200, (Entity("resource", "Observation", "Observation"), Entity("query", "patient=bench", "patient"))
)
ROWS, AT_ONCE = 50, 50


def audit(setting: Setting) -> tuple[Row, ...]:
    """The audit.

    Wall time. A row is one search; it is on the disk (WAL, synchronous FULL) before its caller goes on. The raw commit has the same
    durability and the same bytes, without chain, indexes and another thread. The pull is the one of the page's pull benchmark, the
    review that of a story from the pretend hospital in this process, each with a witness of every exchange and without.
    """
    raw, rounds = by_hand(setting.scratch / "raw.sqlite"), setting.rounds(20)
    store = setting.scratch / "audit.sqlite"
    rows = alternate(
        rounds,
        {"alone": lambda: asyncio.run(_one_by_one(store)), "at once": lambda: asyncio.run(_at_once(store)), "raw": lambda: _raw(raw)},
        clock=wall_ms,
        per=ROWS,
    )
    raw.close()
    with running() as base:
        pulls = alternate(setting.rounds(10), _both(lambda path: asyncio.run(_pulled(base, path)), store), clock=wall_ms)
    with hospital(_chart()) as ehr:
        reviews = asyncio.run(_reviewed(setting, ehr.base, store))
    return (
        Row("a row, alone", rows["alone"], "one raw SQLite commit", rows["raw"]),
        Row(f"a row, {AT_ONCE} at once", rows["at once"], "one raw SQLite commit", rows["raw"]),
        Row(f"a pull at {LATENCY * 1000:.0f} ms a response, audited", pulls["with"], "the same, not audited", pulls["without"]),
        Row("a review over the wire, audited", reviews["with"], "the same, not audited", reviews["without"]),
    )


def _both(work: Callable[[Path | None], object], store: Path) -> dict[str, Callable[[], object]]:
    return {"with": lambda: work(store), "without": lambda: work(None)}


async def _one_by_one(store: Path) -> None:
    kept = Audit(store)
    for _ in range(ROWS):
        await kept.append(ROW)
    await kept.aclose()


async def _at_once(store: Path) -> None:
    kept = Audit(store)
    await asyncio.gather(*(kept.append(ROW) for _ in range(AT_ONCE)))
    await kept.aclose()


def _raw(db: sqlite3.Connection) -> None:
    for _ in range(ROWS):
        db.execute("INSERT INTO point VALUES (?)", (bytes(530),))  # as many as a row of the audit has
        db.commit()


async def _pulled(base: str, store: Path | None) -> int:
    kept = None if store is None else Audit(store)
    source = ServerSource(base, Access(witness=None if kept is None else SessionWitness(kept, WHO, base)))
    try:
        return len((await source.chart(PATIENT)).facts)
    finally:
        await source.aclose()
        if kept is not None:
            await kept.aclose()


async def _reviewed(setting: Setting, base: str, store: Path) -> dict[str, Figure]:
    """Reviews with a witness and without take turns; the first round warms up."""
    samples: dict[str, list[float]] = {"with": [], "without": []}
    kept = Audit(store)
    async with standing(Settings(home=setting.scratch / "audited"), image_model=False) as parts_with:
        for number in range(setting.rounds(20) + 1):
            for name, taken in samples.items():
                gc.collect()
                source = ServerSource(base, Access(witness=SessionWitness(kept, WHO, base) if name == "with" else None))
                began = wall_ms()
                await run_review(ReviewRequest(STORY, CLOCK, image_model=False), parts_with(source))
                if number:
                    taken.append(wall_ms() - began)
                await source.aclose()
    await kept.aclose()
    return {name: Figure(tuple(taken), "ms") for name, taken in samples.items()}


def _chart() -> Store:
    """A hospital with the one patient."""
    store = Store()
    store.load_bundle(bundle(next(story.resources for story in stories() if story.person.id == STORY)))
    return store
