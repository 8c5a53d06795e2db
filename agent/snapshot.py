"""What a finished review leaves to ask on: the same chart, study and results that it was made of. In memory, never written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from agent.nodes.gather import Pack
from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.nodes.study import Facts
from fhir.chart import Chart
from fhir.study import Study
from policies.guidance_pack import Topic


@dataclass(frozen=True)
class Snapshot:
    """The inputs and results of one review."""

    as_of: datetime
    chart: Chart = field(repr=False)
    study: Study | None = field(repr=False)
    facts: Facts
    read: Read = field(repr=False)
    retrieved: Retrieved = field(repr=False)
    pack: Pack = field(repr=False)
    """Its evidence, also what a policy keeps off the page."""
    topics: tuple[Topic, ...] = field(repr=False)
    evidence_tokens: int
    """What a pack holds at most."""
