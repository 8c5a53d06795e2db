"""The human gate: it waits, nothing of the agent can open it, and however often it is opened one effect comes of it."""

from __future__ import annotations

import ast
import asyncio
import re
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import gate
from agent.checkpoints import open_checkpoints
from agent.errors import CheckpointTampered, GateClosed, RequestInvalid
from agent.gate import GATE, Came, Held, build_gate, hold, release
from agent.parts import Parts

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
CASES = 25
HELD = Held("general", "r-1", "C1", "a" * 64)
DECISION = "d" * 64


class Book:
    """An effect that looks into a book of decisions first, and does what it is asked once."""

    def __init__(self, *known: str, fails: int = 0) -> None:
        self.known, self.fails, self.calls, self.done = set(known), fails, 0, list[str]()

    async def __call__(self, decision: str) -> Came:
        self.calls += 1
        if decision not in self.known:
            raise GateClosed("no such decision")
        await asyncio.sleep(0)
        if self.calls <= self.fails:
            return "failed"
        if decision not in self.done:
            self.done.append(decision)
        return "written"


@pytest.fixture
def over(tmp_path: Path) -> Callable[[Callable[[Any], Awaitable[T]]], T]:
    """Runs work over the checkpoints of one file, opened anew each time as after a restart."""

    def run(work: Callable[[Any], Awaitable[T]]) -> T:
        async def inside() -> T:
            async with open_checkpoints(tmp_path / "checkpoints.sqlite") as checkpoints:
                return await work(checkpoints)

        return asyncio.run(inside())

    return run


async def waits_at(checkpoints: Any, held: Held = HELD) -> tuple[str, ...]:
    state = await build_gate(checkpoints).aget_state({"configurable": {"thread_id": held.thread}})
    return tuple(state.next)


def test_a_claim_waits_through_restarts_until_it_is_released(over: Any) -> None:
    over(lambda checkpoints: hold(checkpoints, HELD))
    over(lambda checkpoints: hold(checkpoints, HELD))
    assert over(waits_at) == ("wait",)
    book = Book(DECISION)
    assert over(lambda checkpoints: release(checkpoints, HELD, DECISION, book)) == "written"
    assert (over(waits_at), book.done) == ((), [DECISION])


def test_a_claim_that_was_not_held_yet_is_held_first(over: Any) -> None:
    assert over(lambda checkpoints: release(checkpoints, HELD, DECISION, Book(DECISION))) == "written"


def test_what_was_released_is_told_again_and_not_done_again(over: Any) -> None:
    book = Book(DECISION)
    for _ in range(3):
        assert over(lambda checkpoints: release(checkpoints, HELD, DECISION, book)) == "written"
    assert book.calls == 1


def test_another_decision_finds_the_gate_closed(over: Any) -> None:
    book = Book(DECISION, "e" * 64)
    over(lambda checkpoints: release(checkpoints, HELD, DECISION, book))
    with pytest.raises(GateClosed):
        over(lambda checkpoints: release(checkpoints, HELD, "e" * 64, book))
    assert book.done == [DECISION]


@pytest.mark.fault(51)
def test_two_resumes_at_once_come_to_one_effect(over: Any) -> None:
    """LangGraph runs both (FAULTS F1): one decision stands, and the effect is once by itself."""
    book = Book()

    async def race(checkpoints: Any) -> list[list[Came]]:
        pairs = []
        for number in range(1, CASES + 1):
            book.known.add(decision := f"{number:064x}")
            held = Held("general", "r-1", f"C{number}", "a" * 64)
            await hold(checkpoints, held)
            pairs.append(await asyncio.gather(*(release(checkpoints, held, decision, book) for _ in range(2))))
        return pairs

    assert over(race) == [["written", "written"]] * CASES
    assert book.done == [f"{number:064x}" for number in range(1, CASES + 1)]
    assert book.calls > CASES, "both resumes ran: the graph alone would have done it twice"


@pytest.mark.fault(51)
def test_a_claim_that_is_decided_while_it_is_put_to_wait_does_not_wait_again(over: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who puts it to wait has looked, found nothing, and stands still until somebody has decided, or cannot before."""
    deciding: list[asyncio.Task[Came]] = []

    class Paused:
        def __init__(self, graph: Any) -> None:
            self.graph, self.ainvoke = graph, graph.ainvoke

        async def aget_state(self, config: Any) -> Any:
            found = await self.graph.aget_state(config)
            if asyncio.current_task() not in deciding:
                await asyncio.wait(deciding, timeout=0.3)
            return found

    async def race(checkpoints: Any) -> tuple[str, ...]:
        graph = build_gate(checkpoints)
        monkeypatch.setattr(gate, "build_gate", lambda _: Paused(graph))
        holding = asyncio.create_task(hold(checkpoints, HELD))
        deciding.append(asyncio.create_task(release(checkpoints, HELD, DECISION, Book(DECISION))))
        await asyncio.gather(holding, *deciding)
        return tuple((await graph.aget_state({"configurable": {"thread_id": HELD.thread}})).next)

    assert over(race) == ()


def test_after_a_failure_it_waits_for_the_same_decision_again(over: Any) -> None:
    book = Book(DECISION, "e" * 64, fails=2)
    for came in ("failed", "failed"):
        assert over(lambda checkpoints: release(checkpoints, HELD, DECISION, book)) == came
        assert over(waits_at) == ("wait",)
    with pytest.raises(GateClosed):
        over(lambda checkpoints: release(checkpoints, HELD, "e" * 64, book))
    assert over(lambda checkpoints: release(checkpoints, HELD, DECISION, book)) == "written"


def test_a_resume_without_a_decision_that_stands_does_nothing_and_locks_nobody_out(over: Any) -> None:
    book = Book(DECISION)
    with pytest.raises(GateClosed):
        over(lambda checkpoints: release(checkpoints, HELD, DECISION, Book()))
    assert over(lambda checkpoints: release(checkpoints, HELD, DECISION, book)) == "written"


def test_holding_never_acts(over: Any) -> None:
    async def forged(checkpoints: Any) -> None:
        from langgraph.types import Command

        await hold(checkpoints, HELD)
        await build_gate(checkpoints).ainvoke(
            Command(resume=DECISION), {"configurable": {"thread_id": HELD.thread}}, context=nobodys_effect
        )

    with pytest.raises(GateClosed):
        over(forged)


async def nobodys_effect(decision: str) -> Came:
    raise GateClosed("nobody has decided")


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from agent import gate
from agent.checkpoints import open_checkpoints
from agent.gate import Held, hold, release

async def effect(decision):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with open_checkpoints(Path(sys.argv[1])) as checkpoints:
        await release(checkpoints, Held("general", "r-1", "C1", "a" * 64), "d" * 64, effect)

asyncio.run(main())
"""


@pytest.mark.fault(91)
def test_a_kill_in_the_middle_of_the_effect_is_taken_up_where_it_was(over: Any, tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "checkpoints.sqlite")], check=False, cwd=ROOT)
    assert killed.returncode == -9
    assert over(waits_at) == ("act",)
    assert over(lambda checkpoints: release(checkpoints, HELD, DECISION, Book(DECISION))) == "written"


def test_claims_of_two_tenants_and_of_other_bytes_have_threads_of_their_own() -> None:
    held = [HELD, Held("other", "r-1", "C1", "a" * 64), Held("general", "r-1", "C1", "b" * 64), Held("general", "r-1", "C2", "a" * 64)]
    assert len({one.thread for one in held}) == 4


HOSTILE = {
    "SQL": "r-1' OR '1'='1",
    "a statement": "r-1'; DROP TABLE checkpoints; --",
    "a JSON path": "$.thread_id') = 'x' OR json_extract(metadata, '$",
    "double quotes": 'r-1" UNION SELECT * FROM checkpoints --',
    "NUL": "r-1\x00",
    "a line": "r-1\n",
    "Unicode": "r\u2010\u0661",
    "full width": "\uff52-1",
    "a lone surrogate": "r-\ud800",
    "a wildcard": "%",
    "a folder": "../r-1",
    "10,000 characters": "r" * 10_000,
    "another graph's thread": "review-1:r-1:0a1b2c3d",
    "the gate's own thread": HELD.thread,
    "one colon": "r-1:C1",
    "nothing": "",
}


@pytest.mark.fault(105)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("part", ["ehr", "review_id", "claim", "shown"])
def test_no_part_of_a_threads_id_is_anything_but_what_it_looks_like(part: str, text: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        replace(HELD, **{part: text})
    assert str(refused.value) == "what was to wait at the gate is no claim of a review"


PLAIN = st.builds(
    Held,
    st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", fullmatch=True),
    st.integers(1, 9_999).map("C{}".format),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
)


@pytest.mark.fault(105)
@given(PLAIN, PLAIN)
def test_a_threads_id_is_five_plain_parts_and_two_claims_never_share_one(one: Held, other: Held) -> None:
    assert one.thread.split(":") == [GATE, one.ehr, one.review_id, one.claim, one.shown]
    assert re.fullmatch(r"[A-Za-z0-9:-]{1,200}", one.thread)
    assert (one.thread == other.thread) == (one == other)


@pytest.mark.fault(105)
@given(st.tuples(*(st.one_of(st.text(max_size=80), st.sampled_from([*HOSTILE.values()])) for _ in range(4))))
def test_whatever_is_held_either_is_refused_or_has_its_form(parts: tuple[str, str, str, str]) -> None:
    try:
        held = Held(*parts)
    except RequestInvalid:
        return
    assert re.fullmatch(r"gate-1:[a-z0-9-]+:[A-Za-z0-9-]+:C[0-9]+:[0-9a-f]{64}", held.thread)


@pytest.mark.fault(110)
def test_what_is_kept_is_ids_and_hashes(over: Any, tmp_path: Path) -> None:
    async def work(checkpoints: Any) -> dict[str, Any]:
        await release(checkpoints, HELD, DECISION, Book(DECISION))
        state = await build_gate(checkpoints).aget_state({"configurable": {"thread_id": HELD.thread}})
        return dict(state.values)

    values = {"ehr": "general", "review_id": "r-1", "claim": "C1", "shown": "a" * 64, "decision": DECISION, "came": "written"}
    assert over(work) == values


@pytest.mark.fault(117)
def test_a_thread_that_another_hand_wrote_is_not_resumed(over: Any, tmp_path: Path) -> None:
    over(lambda checkpoints: hold(checkpoints, HELD))
    with closing(sqlite3.connect(tmp_path / "checkpoints.sqlite")) as db, db:
        db.execute("UPDATE checkpoints SET checkpoint = substr(checkpoint, 33)")
    book = Book(DECISION)
    with pytest.raises(CheckpointTampered):
        over(lambda checkpoints: release(checkpoints, HELD, DECISION, book))
    assert book.calls == 0


AGENT_SIDE = sorted(path for folder in ("agent", "tools", "retrieval", "policies", "fhir") for path in (ROOT / folder).rglob("*.py"))


def test_nothing_of_the_agent_can_reach_what_decides() -> None:
    for path in AGENT_SIDE:
        tree = ast.parse(path.read_text("utf-8"))
        named = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        named += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        assert [name for name in named if name.split(".")[0] == "sidenote"] == [], path
        assert [text for text in texts if text.startswith(("sidenote.decisions", "sidenote.web"))] == [], path


def test_a_review_is_handed_nothing_that_decides_or_resumes() -> None:
    kinds = {field.name: str(field.type) for field in fields(Parts)}
    assert [name for name, kind in kinds.items() if any(word in kind for word in ("Decision", "Effect", "Gate", "Session"))] == []
    releasing = [path.name for path in AGENT_SIDE if "agent.gate" in path.read_text("utf-8")]
    assert releasing == [], "only a door resumes a thread of the gate"
