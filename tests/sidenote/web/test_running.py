"""A run tells what happens in order, shows a review only once that is in the audit, and drops everything when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.graph import STEPS
from fhir.smart.context import Item as Opened
from fhir.smart.context import LaunchContext
from fhir.source import Source, open_source
from sandbox.patients.story import CLOCK
from sidenote.audit.errors import AuditDown
from sidenote.audit.events import Row, Who
from sidenote.ehrs import Ehr
from sidenote.settings import Settings
from sidenote.telemetry.metrics import Metrics
from sidenote.web import running
from sidenote.web.errors import NotFound, ReviewFailed, ReviewRunning, TooManyReviews
from sidenote.web.running import ENDED_WORDS, Event, Run, start
from sidenote.web.wire.stream import EndReason, StepEvent, StepName
from sidenote.wiring import standing

EHR = Ehr(name="lindenhof", iss="https://ehr.example/fhir", client_id="sidenote")


@dataclass
class Kept:
    """An audit in memory that can be down: the store itself has tests of its own."""

    rows: list[Row] = field(default_factory=list)
    down: bool = False
    hold: asyncio.Event | None = None

    async def append(self, *rows: Row) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.down:
            raise AuditDown("the disk is full")
        self.rows += rows


@dataclass
class Bound:
    """What a run needs of a session."""

    patient: str
    source: Source
    context: LaunchContext
    ehr: Ehr = EHR
    user: str = ""
    """Nobody who could decide: what is shown waits for nobody."""
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def launched(self) -> Any:
        return self

    session = launched

    @property
    def who(self) -> Who:
        return Who(self.ehr.name, "Practitioner/1", self.patient, "s1")


@dataclass
class Around:
    """What a run needs of the door."""

    parts_with: Any
    audit: Kept = field(default_factory=Kept)
    metrics: Metrics = field(default_factory=Metrics)
    image_model: bool = False

    @staticmethod
    def now() -> Any:
        return CLOCK


@asynccontextmanager
async def door(home: Path) -> AsyncIterator[Around]:
    async with standing(Settings(home=home), image_model=False) as parts_with:
        yield Around(parts_with)


def bound(hospital: Path, patient: str = "pneumonia-prior", *opened: str) -> Bound:
    items = tuple(Opened("launch", "ImagingStudy", f"ImagingStudy/{one}") for one in opened)
    return Bound(patient, open_source(hospital), LaunchContext(patient, items=items))


def begun(session: Bound, parts: Around, **more: Any) -> Run:
    return start(session, parts, **more)  # type: ignore[arg-type]  # doubles of both


async def told(run: Run, last: str) -> list[Event]:
    """Every event up to the first of this name, which comes before any other end."""
    found = []
    async with asyncio.timeout(60):
        async for event in run.events():
            found.append(event)
            if event.name in (last, "review", "failed", "ended"):
                break
    assert found[-1].name == last, found[-1].data
    return found


def test_a_review_is_told_step_by_step_then_shown(hospital: Path, tmp_path: Path) -> None:
    async def run() -> tuple[list[Event], Run, Around]:
        async with door(tmp_path) as parts:
            made = begun(bound(hospital), parts)
            return await told(made, "review"), made, parts

    events, made, parts = asyncio.run(run())
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    steps = [StepEvent.model_validate_json(event.data) for event in events if event.name == "step"]
    assert {step.step for step in steps if step.state == "done"} == {name for name, _, _ in STEPS}
    assert all((step.ms is None) == (step.state == "start") for step in steps)
    names = [event.name for event in events]
    assert (names.count("banner"), names.count("review"), names[-1]) == (1, 1, "review")
    assert names.index("banner") < [json.loads(event.data).get("step") for event in events].index("read")
    assert events[-1].data.encode() == made.view_bytes
    assert [(row.event, row.entities[0].detail) for row in parts.audit.rows] == [("shown", made.view_sha256)]
    assert made.require_shown().finished is made.finished


def test_the_steps_that_can_be_told_are_the_steps_that_there_are() -> None:
    assert [name for name, _, _ in STEPS] == list(get_args(StepName))


@pytest.mark.fault(116)
def test_what_cannot_be_told_to_the_audit_is_not_shown(hospital: Path, tmp_path: Path) -> None:
    async def run() -> tuple[list[Event], Run]:
        async with door(tmp_path) as parts:
            parts.audit.down = True
            made = begun(bound(hospital), parts)
            return await told(made, "failed"), made

    events, made = asyncio.run(run())
    assert (json.loads(events[-1].data)["code"], json.loads(events[-1].data)["status"]) == ("audit_down", 503)
    assert [event for event in events if event.name == "review"] == []
    assert (made.finished, made.view_bytes) == (None, None)
    with pytest.raises(ReviewFailed):
        made.require_shown()


def test_a_review_is_in_the_audit_before_it_is_told(hospital: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with door(tmp_path) as parts:
            parts.audit.hold = asyncio.Event()
            made = begun(bound(hospital), parts)
            while not _done(made, "record"):
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.15)
            assert made.shown is None
            parts.audit.hold.set()
            await told(made, "review")

    asyncio.run(run())


def _done(run: Run, step: str) -> bool:
    return any(event.name == "step" and f'"{step}","state":"done"' in event.data for event in run._events)


@pytest.mark.fault(34)
@pytest.mark.fault(35)
@pytest.mark.parametrize("after", ["bind", "chart", "gather", "record"])
def test_a_run_that_ends_while_it_runs_stops_there_and_keeps_nothing(hospital: Path, tmp_path: Path, after: str) -> None:
    async def run() -> tuple[Run, Around]:
        async with door(tmp_path) as parts:
            made = begun(bound(hospital), parts)
            while not _done(made, after):
                await asyncio.sleep(0)
            made.cancel("another_launch")
            assert made.task is not None
            await asyncio.wait([made.task])
            assert made.task.cancelled() or made.task.exception() is None
            return made, parts

    made, parts = asyncio.run(run())
    assert [event.name for event in made._events] == ["ended"]
    assert (made.finished, made.view_bytes, [row.event for row in parts.audit.rows]) == (None, None, [])
    sealed = [path for path in (tmp_path / "records").glob("*") if (path / "record.jsonl").exists()]
    assert after == "record" or sealed == []


def test_the_end_of_a_run_is_all_that_is_told_of_it_from_then_on() -> None:
    async def run() -> None:
        made = Run("r1")
        made.append("banner", '{"name":"Erik Larsen"}')
        reading = made.events()
        assert (await anext(reading)).name == "banner"
        made.cancel("signed_out")
        made.append("step", "{}")
        made.cancel("shutdown")
        rest = [event async for event in reading]
        again = [event async for event in made.events()]
        assert [(event.id, event.name) for event in rest] == [(event.id, event.name) for event in again] == [(2, "ended")]
        assert json.loads(rest[0].data) == {"reason": "signed_out", "words": ENDED_WORDS["signed_out"]}
        assert "Larsen" not in repr(vars(made))
        with pytest.raises(NotFound):
            made.require_shown()

    asyncio.run(run())


def test_every_reason_to_end_has_words() -> None:
    assert set(ENDED_WORDS) == set(get_args(EndReason))


@pytest.mark.fault(52)
@given(st.lists(st.integers(0, 3), max_size=30), st.integers(0, 30))
def test_who_resumes_after_an_event_gets_every_later_one_once(plan: list[int], cut: int) -> None:
    async def run() -> None:
        made = Run("r1")

        async def write() -> None:
            for pause in plan:
                for _ in range(pause):
                    await asyncio.sleep(0)
                made.append("step", "{}")
            made.cancel("expired")

        async def read() -> list[int]:
            found: list[int] = []
            async for event in made.events():
                found.append(event.id)
                if len(found) == cut:
                    break
            async for event in made.events(found[-1] if found else 0):
                found.append(event.id)
            return found

        found, _ = await asyncio.gather(read(), write())
        assert found == sorted(set(found))
        assert found[-1] == len(plan) + 1

    asyncio.run(run())


@pytest.mark.fault(52)
def test_a_number_that_was_never_given_asks_for_everything_and_silence_has_an_end() -> None:
    async def run() -> None:
        made = Run("r1")
        assert await made.next(0, patience=0.01) is None
        made.append("step", "{}")
        stale = await made.next(40, patience=0.01)
        assert stale is not None
        assert stale.id == 1
        assert await made.next(1, patience=0.01) is None
        with pytest.raises(ReviewRunning):
            made.require_shown()

    asyncio.run(run())


def test_a_review_beyond_those_that_run_at_once_has_not_begun(hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_AT_ONCE", 1)
    made, one = running._made, bound(hospital)

    async def run() -> None:
        began, go = asyncio.Event(), asyncio.Event()

        async def slow(run: Run, session: Any, *rest: Any) -> Any:
            if session is one:
                began.set()
                await go.wait()
            return await made(run, session, *rest)

        monkeypatch.setattr(running, "_made", slow)
        async with door(tmp_path) as parts:
            first, second = begun(one, parts), begun(bound(hospital, "child"), parts)
            await began.wait()
            assert await second.next(0, patience=0.01) is None
            go.set()
            await asyncio.gather(told(first, "review"), told(second, "review"))

    asyncio.run(run())


@pytest.mark.fault(108)
def test_an_ehr_whose_reviews_never_end_holds_up_no_other_ehrs(hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_AT_ONCE", 1)
    made, stuck = running._made, bound(hospital, "child")

    async def slow(run: Run, session: Any, *rest: Any) -> Any:
        if session is stuck:
            await asyncio.Event().wait()
        return await made(run, session, *rest)

    monkeypatch.setattr(running, "_made", slow)

    async def run() -> None:
        async with door(tmp_path) as parts:
            hung = begun(stuck, parts)
            await asyncio.sleep(0)
            other = bound(hospital, "child")
            other.ehr = Ehr(name="elsewhere", iss="https://elsewhere.example/fhir", client_id="sidenote")
            await told(begun(other, parts), "review")
            hung.cancel("cancelled")

    asyncio.run(run())


def test_the_study_that_the_ehr_has_open_is_reviewed(hospital: Path, tmp_path: Path) -> None:
    async def run(*opened: str, **more: Any) -> str:
        async with door(tmp_path) as parts:
            made = begun(bound(hospital, "pneumonia-prior", *opened), parts, **more)
            await told(made, "review")
            view = json.loads(made.view_bytes or b"")
            return str(view["study"]["reference"])

    newest = asyncio.run(run())
    earlier = _earlier_study(hospital)
    assert earlier != newest.partition("/")[2]
    assert asyncio.run(run(earlier)) == f"ImagingStudy/{earlier}"
    assert asyncio.run(run(earlier, study=newest)) == newest


def _earlier_study(hospital: Path) -> str:
    entries = json.loads((hospital / "pneumonia-prior.json").read_bytes())["entry"]
    studies = [one["resource"] for one in entries if one["resource"]["resourceType"] == "ImagingStudy"]
    return str(min(studies, key=lambda one: one["started"])["id"])


def test_a_study_that_is_not_in_the_chart_fails_with_its_code(hospital: Path, tmp_path: Path) -> None:
    async def run() -> list[Event]:
        async with door(tmp_path) as parts:
            return await told(begun(bound(hospital, "child", "somebody-elses"), parts), "failed")

    problem = json.loads(asyncio.run(run())[-1].data)
    assert problem["code"] == "unknown_study"
    assert "somebody-elses" not in json.dumps(problem)


@pytest.mark.fault(110)
def test_a_defect_is_told_as_one_without_its_words(hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Any:
        raise ZeroDivisionError("Erik Larsen SPH-004301")

    monkeypatch.setattr(running, "view_of", broken)

    async def run() -> list[Event]:
        async with door(tmp_path) as parts:
            return await told(begun(bound(hospital, "child"), parts), "failed")

    event = asyncio.run(run())[-1]
    assert json.loads(event.data)["code"] == "internal_error"
    assert "Larsen" not in event.data


def test_a_session_holds_only_so_many_reviews(hospital: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_OF_A_SESSION", 1)

    async def run() -> None:
        async with door(tmp_path) as parts:
            session = bound(hospital, "child")
            first = begun(session, parts)
            with pytest.raises(TooManyReviews):
                begun(session, parts)
            first.cancel("cancelled")
            del session.runs[first.review_id]
            begun(session, parts).cancel("cancelled")

    asyncio.run(run())


@pytest.mark.fault(107)
def test_reviews_that_interleave_tell_each_of_its_own_patient_alone(hospital: Path, tmp_path: Path) -> None:
    patients = ("tension-ptx", "child", "heart-failure", "pneumonia-prior", "unremarkable", "laterality")

    async def run() -> dict[str, str]:
        async with door(tmp_path) as parts:
            runs = {patient: begun(bound(hospital, patient), parts) for patient in patients}
            events = await asyncio.gather(*(told(one, "review") for one in runs.values()))
            return {patient: "".join(event.data for event in found) for patient, found in zip(runs, events, strict=True)}

    said = asyncio.run(run())
    for patient, text in said.items():
        assert [other for other in patients if other != patient and (f"{other}-" in text or f"Patient/{other}" in text)] == []
        assert f"{patient}-" in text
