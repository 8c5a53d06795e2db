"""What one review holds in memory while it runs: the chart, the pixels, the vectors and every result in full.

One workspace per call of `agent.graph.review`, handed to the nodes through LangGraph's runtime context. It is never
checkpointed and never looked up by anything another review could name, so two reviews cannot meet in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from agent.nodes.gather import Pack
from agent.nodes.guard import Guarded
from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.nodes.study import Seen
from agent.parts import Parts
from agent.record import Flight
from agent.request import ReviewRequest
from agent.review import Review
from fhir.chart import Chart
from policies.case import PolicyCase
from policies.claim import Claim, Verdict

T = TypeVar("T")

Listener = Callable[[str, str], None]
"""Called with a step's name and `start` or `done`."""
Charted = Callable[[Chart], None]
"""Called once with the chart, when it is whole and before anything else is made of it."""


@dataclass(slots=True)
class Workspace:
    """One review's memory. Each field is set by the node it is named after, once."""

    request: ReviewRequest
    parts: Parts
    flight: Flight
    listener: Listener | None = None
    charted: Charted | None = None
    pull: asyncio.Task[Chart] | None = None
    """The one pull of the chart, started by `bind`: `chart` and `study` run side by side and both wait for it."""
    chart: Chart | None = None
    seen: Seen | None = None
    read: Read | None = None
    retrieved: Retrieved | None = None
    pack: Pack | None = None
    case: PolicyCase | None = None
    claims: tuple[Claim, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    guarded: Guarded | None = None
    review: Review | None = None
    timings: dict[str, float] = field(default_factory=dict)

    @staticmethod
    def need(value: T | None) -> T:
        """A result an earlier step must have set."""
        if value is None:
            raise AssertionError("a step ran before the step it needs")
        return value

    def tell(self, step: str, event: str) -> None:
        """Tell the listener, when there is one."""
        if self.listener is not None:
            self.listener(step, event)
