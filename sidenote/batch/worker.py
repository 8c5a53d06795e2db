"""A worker process: takes a case from its pipe, reviews it with the same graph as every door, sends back one result."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sidenote.batch.cohort import Case
from sidenote.settings import Settings


@dataclass(frozen=True)
class Job:
    """What every case of a run shares."""

    sources: tuple[str, ...]
    as_of: datetime
    image_model: bool
    folder: Path
    settings: Settings


def work(pipe: Connection, job: Job) -> None:
    """Entry point of the process. Ends when the parent closes the pipe, or dies and the pipe breaks."""
    asyncio.run(_serve(pipe, job))


async def _serve(pipe: Connection, job: Job) -> None:
    """Serve with the parts of a review; where they cannot be had, tell each case so instead of dying of it."""
    from sidenote.problems import Coded, problem
    from sidenote.wiring import wired

    try:
        async with wired(job.settings, job.sources, image_model=job.image_model) as parts:
            await _answer(pipe, lambda case: review_case(case, parts, job))
    except Exception as error:
        if not isinstance(error, Coded):
            raise
        refused = error

        async def refuse(case: Case) -> dict[str, Any]:
            return {**_head(case), "status": "refused", "problem": problem(refused, case.patient)}

        await _answer(pipe, refuse)


async def _answer(pipe: Connection, work_on: Callable[[Case], Awaitable[dict[str, Any]]]) -> None:
    while True:
        try:
            pipe.send(await work_on(await asyncio.to_thread(pipe.recv)))
        except (EOFError, BrokenPipeError):
            return


def _head(case: Case) -> dict[str, Any]:
    return {"row": case.row, "patient": case.patient, "study": case.study}


async def review_case(case: Case, parts: Any, job: Job) -> dict[str, Any]:
    """One case's result row: of the review, or of the refusal with its problem document."""
    from agent.graph import review
    from agent.request import ReviewRequest
    from sidenote.problems import Coded, problem
    from sidenote.render.write import write_whole

    started = time.perf_counter()
    head = _head(case)
    try:
        request = ReviewRequest(case.patient, job.as_of, study=case.study, image_model=job.image_model)
        done = await review(request, parts)
    except Exception as error:  # noqa: BLE001 - a border: one case must not end the batch; what is no refusal is told as a defect
        if isinstance(error, Coded):
            return {**head, "status": "refused", "problem": problem(error, case.patient)}
        return {**head, "status": "failed", "problem": {"code": "internal_error", "detail": type(error).__name__, "case_id": case.patient}}
    (job.folder / "reviews").mkdir(exist_ok=True)
    write_whole(job.folder / "reviews" / f"{done.review_id}.json", done.model_dump_json())
    return {
        **head,
        "status": done.status,
        "review_id": done.review_id,
        "fired": [policy.id for policy in done.policies if policy.outcome == "fired"],
        "cannot_tell": [policy.id for policy in done.policies if policy.outcome == "cannot_tell"],
        "claims": len(done.claims),
        "withheld": len(done.withheld),
        "reading": done.reading_mode,
        "discordant": [voice.finding for voice in done.voices if voice.discordant],
        "seconds": round(time.perf_counter() - started, 3),
    }
