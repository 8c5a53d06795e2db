"""The human gate: a LangGraph thread of its own for each claim that a person is asked about. It waits, and cannot go on by itself.

Two resumes of one interrupted LangGraph thread at once both run, and neither fails: the graph alone cannot say who decided. So what a
thread is resumed with is only the SHA-256 of a decision that stands elsewhere, in a store that nothing in this folder can reach, and
the effect, which its caller brings along, looks there again before it does anything. What the thread holds is ids and hashes.

A thread waits, is resumed, has the effect happen, and ends; after an effect that failed it waits again for the same decision.

Nobody hands over a thread's id: it is made here, of values whose form is checked, and nothing is looked up by metadata (CVE-2025-67644).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from weakref import WeakKeyDictionary

from agent.checkpoints import storing
from agent.engine import require_safe_engine
from agent.errors import GateClosed, RequestInvalid
from agent.request import REVIEW_ID

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

GATE = "gate-1"
"""Changes with the graph: a thread of another one is never resumed."""
_HELD = (
    ("ehr", re.compile(r"[a-z][a-z0-9-]{0,31}")),
    ("review_id", REVIEW_ID),
    ("claim", re.compile(r"C[1-9][0-9]{0,3}")),
    ("shown", re.compile(r"[0-9a-f]{64}")),
)
"""The form of each part of a thread's id. None holds a colon, so that no two claims have one thread."""
Came = Literal["off", "written", "failed"]
"""What came of a decision: nothing was to be done, it was done, or it may be tried again."""
Effect = Callable[[str], Awaitable[Came]]
"""Does what a decision asks for, once however often it is called. It is given the decision's SHA-256, and must know it from elsewhere."""


_holding: WeakKeyDictionary[BaseCheckpointSaver[str], asyncio.Lock] = WeakKeyDictionary()


class GateState(TypedDict, total=False):
    """One claim at the gate."""

    ehr: str
    review_id: str
    claim: str
    shown: str
    """SHA-256 of the bytes that were shown."""
    decision: str
    """SHA-256 of the decision."""
    came: str


@dataclass(frozen=True, slots=True)
class Held:
    """A claim that waits for a person.

    Raises:
        RequestInvalid: a part does not have its form.
    """

    ehr: str
    review_id: str
    claim: str
    shown: str
    """SHA-256 of the bytes that were shown."""

    def __post_init__(self) -> None:
        """Refuse what no EHR's name, review, claim or hash looks like."""
        if any(form.fullmatch(getattr(self, name)) is None for name, form in _HELD):
            raise RequestInvalid("what was to wait at the gate is no claim of a review")

    @property
    def thread(self) -> str:
        """Id of its LangGraph thread."""
        return f"{GATE}:{self.ehr}:{self.review_id}:{self.claim}:{self.shown}"


async def hold(checkpoints: BaseCheckpointSaver[str], held: Held) -> None:
    """Have a claim wait for a person. One that waits, or was decided, stays as it is, whoever holds it or decides meanwhile.

    Raises:
        FlightRecordError: the checkpoints cannot be used.
    """
    graph, config = build_gate(checkpoints), _config(held)
    with _alone(), storing():
        async with _holding.setdefault(checkpoints, asyncio.Lock()):  # between look and start another's thread could begin, and go on
            if not (await graph.aget_state(config)).values:
                await graph.ainvoke(_start(held), config, context=_nothing, durability="sync")


async def release(checkpoints: BaseCheckpointSaver[str], held: Held, decision: str, effect: Effect) -> Came:
    """Resume a claim's thread with the SHA-256 of the decision that stands, and have the effect happen.

    A thread that was killed on its way goes on; one that has ended is left alone, and what came of it is told again.

    Raises:
        GateClosed: the thread goes by another decision already, or by none that was made for it.
        FlightRecordError: the checkpoints cannot be used. Others: what the effect raises; the thread can then be resumed again.
    """
    await hold(checkpoints, held)
    graph, config = build_gate(checkpoints), _config(held)
    with _alone(), storing():
        at = await graph.aget_state(config)
        if at.values.get("decision", decision) != decision:
            raise GateClosed("the claim goes by another decision already")
        end = await graph.ainvoke(_resumed(at.next, decision), config, context=effect, durability="sync") if at.next else at.values
    came: Came = end["came"]
    return came


@lru_cache(maxsize=4)
def build_gate(checkpoints: BaseCheckpointSaver[str]) -> CompiledStateGraph[GateState, Any, GateState, GateState]:
    """The compiled graph over these checkpoints. It holds nothing of a claim."""
    require_safe_engine()
    from langgraph.graph import END, START, StateGraph
    from langgraph.runtime import Runtime

    # LangGraph reads the annotations at run time to know that a node wants the runtime, and here they are text.
    _act.__annotations__["runtime"] = Runtime[Any]
    builder: StateGraph[GateState, Any] = StateGraph(GateState)
    builder.add_node("wait", _wait)
    builder.add_node("act", _act)
    builder.add_edge(START, "wait")
    builder.add_edge("wait", "act")
    builder.add_conditional_edges("act", lambda state: "wait" if state["came"] == "failed" else END, ["wait", END])
    return builder.compile(checkpointer=checkpoints)


async def _wait(state: GateState) -> GateState:
    from langgraph.types import interrupt

    return {"decision": interrupt({"claim": state["claim"], "shown": state["shown"]})}


async def _act(state: GateState, runtime: Any) -> GateState:
    return {"came": await runtime.context(state["decision"])}


async def _nothing(_: str) -> Came:
    """The effect of a thread that nobody has resumed.

    Raises:
        GateClosed: always.
    """
    raise GateClosed("nobody has decided")


def _start(held: Held) -> GateState:
    return {"ehr": held.ehr, "review_id": held.review_id, "claim": held.claim, "shown": held.shown}


def _resumed(step: tuple[str, ...], decision: str) -> Any:
    """What a thread goes on with: the decision it waits for, or nothing where it was killed after that."""
    from langgraph.types import Command

    return Command(resume=decision) if step == ("wait",) else None


def _config(held: Held) -> RunnableConfig:
    return {"configurable": {"thread_id": held.thread}}


def _alone() -> Any:
    """Nothing of it is traced."""
    require_safe_engine()
    from langsmith import tracing_context

    return tracing_context(enabled=False)
