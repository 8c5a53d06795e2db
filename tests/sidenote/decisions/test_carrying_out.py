"""From the decision to the draft: through the gate, once, and again when it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agent.checkpoints import open_checkpoints
from agent.gate import Held, build_gate
from agent.review import Review, ReviewClaim
from fhir.rest.client import FhirClient
from fhir.wire.origins import origins
from fhir.wire.patience import Limits
from fhir.wire.wire import Wire
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store
from sidenote.audit.errors import AuditDown
from sidenote.decisions.carrying_out import Hand, carry_out, finish
from sidenote.decisions.decision import Decision, Taken
from sidenote.decisions.drafting import draft_of
from sidenote.decisions.errors import NotDecided
from sidenote.decisions.store import Decisions
from sidenote.decisions.write_back import write
from sidenote.web.wire.decide import WriteState

T = TypeVar("T")
PATIENT = "ckd4-contrast"


@pytest.fixture
def server() -> Iterator[Running]:
    with running(Store([{"resourceType": "Patient", "id": PATIENT}]), Config(validates=True)) as found:
        yield found


@dataclass
class Desk:
    """A hand at an EHR, opened anew for each piece of work, and what the audit was told."""

    server: Running
    decisions: Decisions
    folder: Path
    told: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    audit_down: bool = False

    @asynccontextmanager
    async def hand(self, patient: str = PATIENT, *, writes: bool = True) -> Any:
        async def heard(references: tuple[str, ...], outcome: str) -> None:
            if self.audit_down:
                raise AuditDown("the audit is down")
            self.told.append((references, outcome))

        wire = Wire(origins(self.server.base), limits=Limits(wait=0.01, attempts=1))
        try:
            async with open_checkpoints(self.folder / "checkpoints.sqlite") as checkpoints:
                client = FhirClient(wire, self.server.base) if writes else None
                yield Hand(self.decisions, checkpoints, client, patient, heard)
        finally:
            await wire.aclose()

    def work(self, act: Callable[[Hand], Awaitable[T]], **options: Any) -> T:
        async def inside() -> T:
            async with self.hand(**options) as hand:
                return await act(hand)

        return asyncio.run(inside())

    def count(self) -> list[int]:
        return [len(tuple(self.server.store.of_type(name))) for name in ("DetectedIssue", "Provenance")]


@pytest.fixture
def desk(server: Running, decisions: Decisions, tmp_path: Path) -> Desk:
    return Desk(server, decisions, tmp_path)


@pytest.fixture
def approved(decisions: Decisions, review: Review, claim: Callable[[str], ReviewClaim], decide: Callable[..., Decision]) -> Decision:
    """An approval that stands, whose draft is to be written."""
    decision = decide(text=claim("C1").text)
    asyncio.run(decisions.take(decision, draft_of(review, claim("C1"), decision)))
    return decision


def test_an_approved_draft_is_written_and_told(desk: Desk, approved: Decision) -> None:
    taken = desk.work(lambda hand: carry_out(hand, approved))
    assert (taken.write, desk.count()) == ("written", [1, 1])
    assert desk.told == [(taken.written, "written")]


def test_a_rejection_goes_through_the_gate_and_nothing_is_written(desk: Desk, decide: Callable[..., Decision]) -> None:
    decision = decide(action="reject", reason="No.")
    asyncio.run(desk.decisions.take(decision))
    assert desk.work(lambda hand: carry_out(hand, decision)).write == "off"
    assert (desk.server.faults.log, desk.told) == ([], [])

    async def waits(hand: Hand) -> tuple[str, ...]:
        thread = Held("general", "r-1", "C1", "a" * 64).thread
        return tuple((await build_gate(hand.checkpoints).aget_state({"configurable": {"thread_id": thread}})).next)

    assert desk.work(waits) == ()


@pytest.mark.fault(51)
def test_two_resumes_at_once_write_one_draft_in_each_of_many_rounds(desk: Desk, review: Review, decide: Callable[..., Decision]) -> None:
    rounds = 8

    async def races(hand: Hand) -> list[set[WriteState]]:
        ended = []
        for number in range(rounds):
            claim = review.claims[0].model_copy(update={"id": f"C{number + 1}"})
            decision = decide(claim=claim.id, text=claim.text)
            await desk.decisions.take(decision, draft_of(review, claim, decision))
            done = await asyncio.gather(carry_out(hand, decision), carry_out(hand, decision))
            ended.append({one.write for one in done})
        return ended

    assert all("written" in states <= {"written", "pending"} for states in desk.work(races))
    assert desk.count() == [rounds, rounds]
    assert len(desk.told) == rounds


async def carry_out_as(decision: Decision, hand: Hand) -> Taken:
    return await carry_out(hand, decision)


async def finish_as(ehr: str, by: str, hand: Hand) -> tuple[Taken, ...]:
    return await finish(hand, ehr, by)


def test_a_decision_that_does_not_stand_resumes_nothing(desk: Desk, approved: Decision, decide: Callable[..., Decision]) -> None:
    for forged in (decide(text=approved.text, at="2026-11-20T09:00:01Z"), decide(claim="C7")):
        with pytest.raises(NotDecided):
            desk.work(partial(carry_out_as, forged))
    assert (desk.count(), desk.server.faults.log) == ([0, 0], [])


@pytest.mark.parametrize(("status", "code"), [(503, "server_overloaded"), (422, "request_refused"), (403, "fhir_access_refused")])
def test_what_failed_is_told_and_can_be_tried_again(desk: Desk, approved: Decision, status: int, code: str) -> None:
    desk.server.faults.answer(status, times=None, path="/fhir/Provenance/")
    for _ in range(2):
        taken = desk.work(lambda hand: carry_out(hand, approved))
        assert (taken.write, taken.problem) == ("failed", code)
    desk.server.faults.clear()
    assert desk.work(lambda hand: carry_out(hand, approved)).write == "written"
    assert (desk.count(), [outcome for _, outcome in desk.told]) == ([1, 1], [code, code, "written"])


@pytest.mark.fault(116)
def test_without_an_audit_a_write_has_not_happened_until_it_is_told(desk: Desk, approved: Decision) -> None:
    desk.audit_down = True
    with pytest.raises(AuditDown):
        desk.work(lambda hand: carry_out(hand, approved))
    taken = asyncio.run(desk.decisions.of(approved.key))
    assert taken is not None
    assert (taken.write, taken.problem) == ("failed", "audit_down")
    desk.audit_down = False
    assert desk.work(lambda hand: carry_out(hand, approved)).write == "written"
    assert (desk.count(), len(desk.told)) == ([1, 1], 1)


def test_a_draft_of_another_patient_than_the_sessions_is_not_written(desk: Desk, approved: Decision) -> None:
    taken = desk.work(lambda hand: carry_out(hand, approved), patient="other")
    assert (taken.write, taken.problem) == ("failed", "another_patient")
    assert desk.server.faults.log == []


def test_what_a_crash_left_is_finished_by_the_same_person_on_the_same_patient_alone(desk: Desk, approved: Decision) -> None:
    for patient, ehr, by in (("other", "general", approved.by), (PATIENT, "other", approved.by), (PATIENT, "general", "Practitioner/d2")):
        assert desk.work(partial(finish_as, ehr, by), patient=patient) == ()
    (done,) = desk.work(lambda hand: finish(hand, "general", approved.by))
    assert (done.write, desk.count()) == ("written", [1, 1])
    assert desk.work(lambda hand: finish(hand, "general", approved.by)) == ()


def test_what_was_decided_too_long_ago_is_not_written_by_itself(desk: Desk, approved: Decision) -> None:
    assert desk.work(lambda hand: finish(hand, "general", approved.by, "2026-11-20T09:00:01Z")) == ()
    assert desk.count() == [0, 0]
    (done,) = desk.work(lambda hand: finish(hand, "general", approved.by, approved.at))
    assert done.write == "written"


def test_what_can_never_be_finished_keeps_nothing_else_back(
    desk: Desk, approved: Decision, review: Review, decide: Callable[..., Decision], monkeypatch: pytest.MonkeyPatch
) -> None:
    second = review.claims[0].model_copy(update={"id": "C2"})
    later = decide(claim="C2", text=second.text)
    asyncio.run(desk.decisions.take(later, draft_of(review, second, later)))

    async def broken(client: Any, draft: Any) -> tuple[str, ...]:
        if draft.resource == held:
            raise ZeroDivisionError
        return await write(client, draft)

    held = draft_of(review, review.claims[0], approved).resource
    monkeypatch.setattr("sidenote.decisions.carrying_out.write", broken)
    with pytest.raises(ZeroDivisionError):
        desk.work(lambda hand: finish(hand, "general", approved.by))
    (left,) = asyncio.run(desk.decisions.unfinished("general", PATIENT, approved.by))
    assert (left.decision.claim, left.problem, desk.count()) == ("C1", "internal_error", [1, 1])


def test_a_session_that_may_not_write_leaves_it_for_one_that_may(desk: Desk, approved: Decision) -> None:
    assert desk.work(lambda hand: carry_out(hand, approved), writes=False).write == "pending"
    assert desk.work(lambda hand: carry_out(hand, approved)).write == "written"


def test_a_defect_leaves_the_write_to_be_tried_again(desk: Desk, approved: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> tuple[str, ...]:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("sidenote.decisions.carrying_out.write", broken)
        with pytest.raises(ZeroDivisionError):
            desk.work(lambda hand: carry_out(hand, approved))
    assert desk.work(lambda hand: carry_out(hand, approved)).write == "written"
