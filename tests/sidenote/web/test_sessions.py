"""A session opens with one handle, ends once, and leaves nothing behind. Its doubles count what is asked of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.smart.context import LaunchContext
from sidenote.audit.errors import AuditDown
from sidenote.audit.events import Who
from sidenote.ehrs import Ehr
from sidenote.web import sessions as module
from sidenote.web.errors import SessionOver, TooManySessions
from sidenote.web.sessions import LONGEST, Sessions, WebSession

EHR = Ehr(name="lindenhof", iss="https://ehr.example/fhir", client_id="sidenote")
WINDOW, OTHER = "w" * 43, "v" * 43


@dataclass
class Turned:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Token:
    over: bool = False
    context: LaunchContext = field(default_factory=lambda: LaunchContext("p1"))

    def end(self) -> None:
        self.over = True


@dataclass
class Came:
    patient: str
    session: Token = field(default_factory=Token)


@dataclass
class Counted:
    """A source and a run in one: what became of them."""

    closed: int = 0
    task: None = None
    reasons: list[str] = field(default_factory=list)

    async def aclose(self) -> None:
        self.closed += 1
        await asyncio.sleep(0)

    def cancel(self, reason: str) -> None:
        self.reasons.append(reason)


def opened(sessions: Sessions, window: str = WINDOW, patient: str = "p1", ehr: Ehr = EHR) -> tuple[str, WebSession, Counted]:
    counted = Counted()
    with sessions.opening(window) as opening:
        handle, session = sessions.open(opening, ehr, Came(patient), "Practitioner/a", lambda who: counted)  # type: ignore[arg-type,return-value]
    session.runs["r1"] = counted  # type: ignore[assignment]
    return handle, session, counted


def run(act: Callable[[Sessions, Turned, list[str]], Awaitable[Any]], minutes: float = 30) -> Any:
    async def inside() -> Any:
        clock, told = Turned(), []

        async def ended(session: WebSession, reason: str) -> None:
            told.append(f"{session.patient} {reason}")

        return await act(Sessions(minutes=minutes, clock=clock, ended=ended), clock, told)

    return asyncio.run(inside())


def test_a_handle_opens_its_own_session_and_no_other_text_opens_any() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        one, first, _ = opened(sessions)
        other, second, _ = opened(sessions, OTHER, "p2")
        assert await sessions.of(one) is first
        assert await sessions.of(other) is second
        assert len({one, other, first.id, second.id}) == 4
        assert len(one) >= 43
        for wrong in ("", one[:-1], one + "=", one.swapcase(), first.id, WINDOW, "\ud800"):
            with pytest.raises(SessionOver):
                await sessions.of(wrong)

    run(act)


@pytest.mark.std("A19")
def test_neither_handle_nor_window_nor_patient_is_to_be_found_in_a_repr() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        handle, session, _ = opened(sessions, patient="canary-patient")
        for text in (repr(session), repr(vars(sessions))):
            assert handle not in text
            assert WINDOW not in text
        assert "canary-patient" not in repr(session)

    run(act)


@pytest.mark.fault(109)
@pytest.mark.parametrize(("intent", "emergency"), [("break-glass", True), ("review", False), (None, False)])
def test_whoever_tells_of_a_session_tells_that_it_is_an_emergency_from_its_first_question_on(intent: str | None, emergency: bool) -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        witnesses: list[Who] = []

        def source_for(who: Who) -> Any:
            witnesses.append(who)
            return Counted()

        came = Came("p1", Token(context=LaunchContext("p1", intent=intent)))
        with sessions.opening(WINDOW) as opening:
            _, session = sessions.open(opening, EHR, came, "Practitioner/a", source_for)  # type: ignore[arg-type]
        assert (session.emergency, session.who.emergency) == (emergency, emergency)
        assert witnesses == [session.who]

    run(act)


@pytest.mark.fault(35)
def test_the_end_of_a_session_is_the_end_of_everything_of_it_and_comes_once() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        handle, session, counted = opened(sessions)
        await asyncio.gather(*(sessions.end(session, "signed_out") for _ in range(5)), sessions.end(session, "expired"))
        assert (counted.closed, counted.reasons, session.runs) == (1, ["signed_out"], {})
        assert (session.over, session.launched.session.over, told, len(sessions)) == ("signed_out", True, ["p1 signed_out"], 0)
        with pytest.raises(SessionOver):
            await sessions.of(handle)

    run(act)


def test_a_handle_opens_nothing_from_the_moment_its_session_ends() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        handle, session, counted = opened(sessions)
        ending = asyncio.ensure_future(sessions.end(session, "signed_out"))
        await asyncio.sleep(0)  # it has begun, and waits for its source to close
        assert (counted.closed, told) == (1, [])
        with pytest.raises(SessionOver):
            await sessions.of(handle)
        await ending

    run(act)


@pytest.mark.fault(34)
@pytest.mark.std("A21")
def test_another_launch_of_a_tab_ends_what_the_tab_had_and_nothing_else() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        handle, _, _ = opened(sessions)
        other, _, kept = opened(sessions, OTHER, "p2")
        await sessions.end_window(WINDOW, "another_launch")
        assert told == ["p1 another_launch"]
        with pytest.raises(SessionOver):
            await sessions.of(handle)
        assert (await sessions.of(other)).patient == "p2"
        assert kept.reasons == []

    run(act)


@pytest.mark.fault(34)
@pytest.mark.std("A21")
def test_a_session_that_another_launch_of_its_tab_overtook_never_opens() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        source = Counted()
        with sessions.opening(WINDOW) as late, sessions.opening(OTHER) as apart:
            await sessions.end_window(WINDOW, "another_launch")
            with sessions.opening(WINDOW) as next_:
                with pytest.raises(SessionOver, match="another launch"):
                    sessions.open(late, EHR, Came("p1"), "", lambda who: source)  # type: ignore[arg-type,return-value]
                for opening in (next_, apart):
                    sessions.open(opening, EHR, Came("p2"), "", lambda who: source)  # type: ignore[arg-type,return-value]
        assert len(sessions) == 2

    run(act)


@pytest.mark.parametrize(("seconds", "open_"), [(119.9, True), (120.0, False), (1e6, False)])
def test_a_session_ends_without_questions_and_each_question_counts(seconds: float, open_: bool) -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        handle, session, counted = opened(sessions)
        clock.now = 100.0
        await sessions.of(handle)
        clock.now += seconds
        await sessions.sweep()
        assert (session.over is None) == open_
        assert counted.reasons == ([] if open_ else ["expired"])
        assert sessions.expires_in == 120

    run(act, minutes=2)


def test_a_question_that_comes_too_late_ends_the_session_before_any_sweep() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        handle, _, counted = opened(sessions)
        clock.now = 1_800.0
        with pytest.raises(SessionOver):
            await sessions.of(handle)
        assert (told, counted.closed) == (["p1 expired"], 1)

    run(act)


def test_a_session_ends_in_the_end_however_busy_it_is() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        handle, _, _ = opened(sessions)
        while clock.now < LONGEST - 600:
            clock.now += 600
            await sessions.of(handle)
        clock.now = LONGEST
        with pytest.raises(SessionOver):
            await sessions.of(handle)
        assert told == ["p1 expired"]

    run(act)


@pytest.mark.fault(108)
def test_an_ehr_that_opens_session_upon_session_leaves_the_others_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_AN_EHR", 2)

    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        _, first, _ = opened(sessions)
        opened(sessions, OTHER)
        with pytest.raises(TooManySessions):
            opened(sessions, "u" * 43)
        opened(sessions, "u" * 43, ehr=EHR.model_copy(update={"name": "elsewhere"}))
        await sessions.end(first, "signed_out")
        opened(sessions, "t" * 43)
        assert len(sessions) == 3

    run(act)


@pytest.mark.std("A14")
def test_a_session_whose_token_is_over_is_over() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        for ask in (sessions.of, lambda _: sessions.sweep()):
            handle, session, _ = opened(sessions)
            session.launched.session.end()
            with suppress(SessionOver):
                await ask(handle)
            assert session.over == "session_over"

    run(act)


def test_the_end_of_the_process_ends_all_and_lets_none_open() -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        opened(sessions)
        opened(sessions, OTHER, "p2")
        with sessions.opening(WINDOW) as opening:
            await sessions.aclose()
            with pytest.raises(SessionOver):
                sessions.open(opening, EHR, Came("p3"), "", lambda who: Counted())  # type: ignore[arg-type,return-value]
        assert (sorted(told), len(sessions)) == (["p1 shutdown", "p2 shutdown"], 0)

    run(act)


def test_a_session_ends_though_its_end_cannot_be_told() -> None:
    async def act() -> None:
        async def down(session: WebSession, reason: str) -> None:
            raise AuditDown("full")

        sessions = Sessions(minutes=30, ended=down)
        _, session, counted = opened(sessions)
        await sessions.end(session, "signed_out")
        assert (session.over, counted.closed) == ("signed_out", 1)

    asyncio.run(act())


@pytest.mark.fault(34)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["open", "launch", "end", "wait"])), max_size=40))
def test_of_each_tab_at_most_one_session_is_open_whatever_happens_in_which_order(steps: list[tuple[str, str]]) -> None:
    async def act(sessions: Sessions, clock: Turned, told: list[str]) -> None:
        held: dict[str, tuple[str, WebSession]] = {}
        for number, (tab, step) in enumerate(steps):
            window = tab * 43
            if step in ("open", "launch"):
                await sessions.end_window(window, "another_launch")
                held.pop(tab, None)
            if step == "open":
                handle, session, _ = opened(sessions, window, f"{tab}{number}")
                held[tab] = handle, session
            elif step == "end" and tab in held:
                await sessions.end(held.pop(tab)[1], "signed_out")
            elif step == "wait":
                clock.now += 1
            assert len(sessions) == len(held)
            for handle, session in held.values():
                assert await sessions.of(handle) is session

    run(act)
