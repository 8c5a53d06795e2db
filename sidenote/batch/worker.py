"""A worker process: takes a case from its pipe, reviews it with the same graph as every door, sends back one result."""

from __future__ import annotations

import asyncio
import time
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
    import torch

    torch.set_num_threads(1)
    asyncio.run(_serve(pipe, job))


async def _serve(pipe: Connection, job: Job) -> None:
    from sidenote.wiring import wired

    async with wired(job.settings, job.sources, image_model=job.image_model) as parts:
        while True:
            try:
                case: Case = await asyncio.to_thread(pipe.recv)
                pipe.send(await review_case(case, parts, job))
            except (EOFError, BrokenPipeError):
                return


async def review_case(case: Case, parts: Any, job: Job) -> dict[str, Any]:
    """One case's result row: of the review, or of the refusal with its problem document."""
    from agent.graph import review
    from agent.request import ReviewRequest
    from sidenote.problems import Coded, problem

    started = time.perf_counter()
    head: dict[str, Any] = {"row": case.row, "patient": case.patient, "study": case.study}
    try:
        request = ReviewRequest(case.patient, job.as_of, study=case.study, image_model=job.image_model)
        done = await review(request, parts)
    except Exception as error:  # noqa: BLE001 - a border: one case must not end the batch; what is no refusal is told as a defect
        if isinstance(error, Coded):
            return {**head, "status": "refused", "problem": problem(error, case.patient)}
        return {**head, "status": "failed", "problem": {"code": "internal_error", "detail": type(error).__name__, "case_id": case.patient}}
    (job.folder / "reviews").mkdir(exist_ok=True)
    path = job.folder / "reviews" / f"{done.review_id}.json"
    path.write_text(done.model_dump_json(), "utf-8")
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
