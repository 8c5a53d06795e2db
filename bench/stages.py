"""Where the time of a review goes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from agent.graph import run_review
from agent.request import ReviewRequest
from bench.clock import wall_ms
from bench.rows import Figure, Row
from bench.setting import Setting
from sandbox.patients.story import CLOCK
from sidenote.settings import Settings
from sidenote.wiring import wired


def stages(setting: Setting) -> tuple[Row, ...]:
    """Stages of a review.

    Wall time of the product's own clock (`Review.timings`), over the stories of the pretend hospital that have images, after one
    review to warm up. `chart` and `study` run side by side; the whole is from call to sealed record, so it holds the graph too.
    """
    told = [story.person.id for story in setting.stories]
    setting.tell("reviewing")
    reviews = review_all(setting.scratch / "stages", setting.library, setting.hospital, (told[0], *told * setting.rounds(2)))[1:]
    taken: dict[str, list[float]] = defaultdict(list)
    for timings in reviews:
        for name, ms in timings.items():
            taken[name].append(ms)
    whole = Figure(tuple(taken.pop("whole")), "ms")
    rows = (Row(f"step {name}", Figure(tuple(samples), "ms"), "the whole", whole) for name, samples in taken.items())
    return (Row("whole review", whole), *rows)


def review_all(home: Path, library: Path, hospital: Path, told: Sequence[str], *, image_model: bool = True) -> list[dict[str, float]]:
    """Step times of a review of each patient, in ms, and of the `whole`."""

    async def reviewed() -> list[dict[str, float]]:
        taken = []
        async with wired(Settings(home=home, library=library), [str(hospital)], image_model=image_model) as parts:
            for patient in told:
                began = wall_ms()
                finished = await run_review(ReviewRequest(patient, CLOCK), parts)
                taken.append({"whole": wall_ms() - began, **finished.review.timings})
        return taken

    return asyncio.run(reviewed())
