"""The path of a review as a LangGraph graph: bind, then chart and study side by side, then one step after another.

The state that LangGraph checkpoints holds references and small results (`agent.state`). Everything else is in the
workspace of the run (`agent.workspace`), which reaches the nodes through the runtime context and is never checkpointed.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from agent import steps
from agent.asking import frontal
from agent.checkpoints import storing
from agent.engine import require_safe_engine
from agent.parts import Parts
from agent.record import begin
from agent.request import ReviewRequest
from agent.review import Review
from agent.snapshot import Snapshot
from agent.state import State
from agent.workspace import Charted, Listener, Workspace
from fhir.study import Picture

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

Step = Callable[[Workspace], Awaitable[State]]

STEPS: tuple[tuple[str, Step, tuple[str, ...]], ...] = (
    ("bind", steps.bind, ()),
    ("chart", steps.chart, ("bind",)),
    ("study", steps.study, ("bind",)),
    ("read", steps.read, ("chart", "study")),
    ("retrieve", steps.retrieve, ("read",)),
    ("gather", steps.gather, ("retrieve",)),
    ("draft", steps.draft, ("gather",)),
    ("ground", steps.ground, ("draft",)),
    ("guard", steps.guard, ("ground",)),
    ("present", steps.present, ("guard",)),
    ("record", steps.record, ("present",)),
)
"""Step, what it does, and the steps it waits for."""

GRAPH = "review-1"
"""Changes with `STEPS`: a checkpoint of another graph is never continued."""

DURABILITY: Literal["exit"] = "exit"
"""Checkpoints are written where a run ends or waits, and not after each step: a killed review starts over from its request,
because what its steps made was in memory, so that a checkpoint between steps would be two commits for nobody to read."""


@dataclass(frozen=True)
class Finished:
    """A review with what a door may want beside it and no contract carries."""

    review: Review
    pictures: tuple[Picture, ...]
    """The images that were looked at; none after an identity mismatch."""
    head: str
    """Hash of the sealed flight record's last line."""
    snapshot: Snapshot

    @property
    def pixels(self) -> NDArray[np.float32] | None:
        """The frontal image [rows, columns] in 0..1, as a page shows it; None when no image was looked at."""
        picture = frontal(self.pictures)
        return None if picture is None else picture.pixels


async def review(request: ReviewRequest, parts: Parts, *, on_step: Listener | None = None) -> Review:
    """Review one patient. The flight record is sealed before the review is returned.

    Raises:
        fhir.errors.RecordError: the input is refused; its class says why.
        AgentError: the record or the engine cannot be used, or the composer's output is no list of claims.
    """
    return (await run_review(request, parts, on_step=on_step)).review


async def run_review(request: ReviewRequest, parts: Parts, *, on_step: Listener | None = None, on_chart: Charted | None = None) -> Finished:
    """`review`, with what a page wants beside it. A review that is refused leaves no record behind."""
    require_safe_engine()
    from langsmith import tracing_context

    workspace = Workspace(request, parts, begin(parts.records, request.review_id), on_step, on_chart)
    config: RunnableConfig = {"configurable": {"thread_id": f"{GRAPH}:{request.review_id}:{secrets.token_hex(4)}"}}
    start: State = {"review_id": request.review_id, "as_of": request.as_of.isoformat()}
    try:
        with tracing_context(enabled=False), storing():
            end = await build_graph(parts.checkpoints).ainvoke(start, config, context=workspace, durability=DURABILITY)
    except BaseException:
        workspace.flight.abandon()
        raise
    finally:
        await _stop(workspace.pull)
    seen, done = workspace.need(workspace.seen), workspace.need(workspace.review)
    return Finished(_timed(done, workspace.timings), seen.pictures, end["record"], _snapshot(workspace))


def _snapshot(workspace: Workspace) -> Snapshot:
    seen = workspace.need(workspace.seen)
    return Snapshot(
        as_of=workspace.request.as_of,
        chart=workspace.need(workspace.chart),
        study=seen.study,
        facts=seen.facts,
        read=workspace.need(workspace.read),
        retrieved=workspace.need(workspace.retrieved),
        pack=workspace.need(workspace.pack),
        topics=workspace.parts.topics,
        evidence_tokens=workspace.parts.evidence_tokens,
    )


def _timed(done: Review, timings: dict[str, float]) -> Review:
    """The review with its step times: the last step's is known only after it."""
    return done.model_copy(update={"timings": timings})


@lru_cache(maxsize=4)
def build_graph(checkpoints: BaseCheckpointSaver[str]) -> CompiledStateGraph[State, Workspace, State, State]:
    """The compiled graph over these checkpoints. It holds nothing of a review, so all reviews of a process share it."""
    require_safe_engine()
    from langgraph.graph import END, START, StateGraph

    builder: StateGraph[State, Workspace] = StateGraph(
        State
    )  # no context schema: its types would be added to what a checkpoint may construct
    for name, step, after in STEPS:
        builder.add_node(name, _node(name, step))
        builder.add_edge(list(after) if after else START, name)
    builder.add_edge(STEPS[-1][0], END)
    return builder.compile(checkpointer=checkpoints)


def _node(name: str, step: Step) -> Any:
    """A LangGraph node that runs `step` on the run's workspace, tells the listener and takes the time."""
    from langgraph.runtime import Runtime

    async def node(state: State, runtime: Runtime[Workspace]) -> State:
        workspace = runtime.context
        if state["review_id"] != workspace.request.review_id:
            raise AssertionError("a step was handed another review's workspace")
        workspace.tell(name, "start")
        began = time.perf_counter()
        change = await step(workspace)
        workspace.timings[name] = round((time.perf_counter() - began) * 1000, 3)
        workspace.tell(name, "done")
        return change

    # LangGraph reads the annotations at run time to know that a node wants the runtime, and here they are text.
    node.__annotations__ = {"state": State, "runtime": Runtime[Workspace], "return": State}
    return node


async def _stop(pull: asyncio.Task[Any] | None) -> None:
    """End a pull whose review ended before it; what it died of is the review's to tell, or nobody's."""
    if pull is not None:
        pull.cancel()
        await asyncio.wait([pull])
        if not pull.cancelled():
            pull.exception()
