"""A worker over its pipe: one row a case, whatever the case; what cannot be reviewed is told and ends nobody else's."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from agent.review import Review
from sandbox.patients.story import CLOCK
from sidenote.batch.cohort import Case
from sidenote.batch.worker import Job, review_case, work
from sidenote.settings import Settings
from sidenote.wiring import wired

PRIVATE = ("Lindqvist", "Marta", "1955-03-14", "SPH-004101")


@pytest.fixture
def job(hospital: Path, tmp_path: Path) -> Job:
    return Job((str(hospital),), CLOCK, False, tmp_path, Settings(home=tmp_path / "home", image_model="off"))


@contextmanager
def working(job: Job) -> Iterator[Connection]:
    """A worker on a thread, which is what the process runs; it must end when its pipe is closed."""
    ours, theirs = Pipe()
    thread = threading.Thread(target=work, args=(theirs, job))
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
        thread.join(60)
        theirs.close()
        assert not thread.is_alive()


def answers(job: Job, *cases: Case) -> list[dict[str, Any]]:
    with working(job) as pipe:
        rows = []
        for case in cases:
            pipe.send(case)
            assert pipe.poll(60)
            rows.append(pipe.recv())
        return rows


def test_each_case_has_one_row_and_a_refused_one_ends_nobody_elses(job: Job) -> None:
    first, refused, another, last = answers(
        job, Case(1, "ckd4-contrast"), Case(2, "nobody"), Case(3, "laterality", "no-such-study"), Case(4, "unremarkable")
    )
    assert (first["row"], first["patient"], first["status"], first["fired"]) == (1, "ckd4-contrast", "needs_review", ["C01"])
    assert first["reading"] == "off"
    assert (refused["status"], refused["problem"]["code"], refused["problem"]["case_id"]) == ("refused", "unknown_patient", "nobody")
    assert (another["problem"]["code"], another["study"]) == ("unknown_study", "no-such-study")
    assert (last["row"], "problem" in last) == (4, False)


def test_the_review_lies_beside_the_ledger_and_the_row_names_it(job: Job) -> None:
    (row,) = answers(job, Case(1, "ckd4-contrast"))
    (path,) = (job.folder / "reviews").iterdir()
    assert path.name == f"{row['review_id']}.json"
    review = Review.model_validate_json(path.read_bytes())
    assert (review.status, len(review.claims), len(review.withheld)) == (row["status"], row["claims"], row["withheld"])
    assert review.as_of.startswith("2026-11-20T09:00:00")


def test_a_row_carries_nothing_of_the_chart(job: Job) -> None:
    text = json.dumps(answers(job, Case(1, "ckd4-contrast"), Case(2, "ckd4-contrast", "none")))
    assert [word for word in PRIVATE if word in text] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"sources": ("no-such-folder",)}, "source_missing"), ({"rules": True}, "rule_invalid"), ({"model": True}, "model_missing")],
    ids=["the source is gone", "the rules are gone", "the model is gone"],
)
def test_without_the_parts_of_a_review_every_case_is_refused_with_the_reason(
    change: dict[str, Any], code: str, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    settings = job.settings
    if "rules" in change:
        settings = settings.model_copy(update={"rules": tmp_path / "empty"})
    if "model" in change:
        settings = settings.model_copy(update={"image_model": "compact", "model_folder": tmp_path / "empty"})
    broken = Job(change.get("sources", job.sources), job.as_of, "model" in change, job.folder, settings)
    rows = answers(broken, Case(1, "ckd4-contrast"), Case(2, "unremarkable"))
    assert [(row["row"], row["status"], row["problem"]["code"]) for row in rows] == [(1, "refused", code), (2, "refused", code)]


def test_a_defect_is_told_as_one_by_its_kind_alone(job: Job) -> None:
    def broken(*_: object) -> Any:
        raise LookupError("Marta Lindqvist, SPH-004101")

    async def reviewed() -> dict[str, Any]:
        async with wired(job.settings, job.sources, image_model=False) as parts:
            object.__setattr__(parts, "compose", broken)
            return await review_case(Case(1, "ckd4-contrast"), parts, job)

    row = asyncio.run(reviewed())
    assert row["status"] == "failed"
    assert row["problem"] == {"code": "internal_error", "detail": "LookupError", "case_id": "ckd4-contrast"}


def test_a_worker_nobody_asks_anything_ends_with_its_pipe(job: Job) -> None:
    with working(job):
        pass
    assert not (job.folder / "reviews").exists()
