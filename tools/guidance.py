"""Passages of the guidance pack as evidence, each with its source and year."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from policies.evidence import Sourced
from policies.guidance_pack import Passage, Topic


def look_up(topics: Iterable[Topic], numbers: Iterable[tuple[str, int]] | None = None) -> tuple[Sourced, ...]:
    """The passages of `topics`; with `numbers` only those named by (topic id, passage number)."""
    wanted = None if numbers is None else frozenset(numbers)
    return tuple(
        passage_evidence(topic, passage)
        for topic in topics
        for passage in topic.passages
        if wanted is None or (topic.id, passage.number) in wanted
    )


def passage_evidence(topic: Topic, passage: Passage) -> Sourced:
    """One passage as evidence. It is about nobody: `patient` stays None. `when` is the date of our wording."""
    return Sourced(
        kind="guidance",
        reference=reference(topic.id, passage.number),
        text=f"{passage.text} [{topic.source.organisation}, {topic.source.title}, {topic.source.year}]",
        sha256=hashlib.sha256(passage.text.encode()).hexdigest(),
        version=topic.version,
        when=topic.date.isoformat(),
    )


def reference(topic: str, number: int) -> str:
    """How a passage is named, e.g. `guidance:contrast_reduced_egfr#1`."""
    return f"guidance:{topic}#{number}"
