"""The steps one by one, over real parts: each leaves its result in the workspace, a line in the record, and little in the state."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from agent import steps
from agent.composers.deterministic import compose
from agent.graph import STEPS
from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.parts import Parts
from agent.record import begin
from agent.verify import open_record
from agent.workspace import Workspace
from policies.guidance_pack import Topic
from policies.loading import rules_fingerprint
from retrieval.cards import SearchResult
from tools.med_vlm.doubles.fake import abstention

if TYPE_CHECKING:
    from tests.agent.conftest import Clinic

OUTPUTS = {
    "bind": set(),
    "chart": {"chart"},
    "study": {"study"},
    "read": {"read"},
    "retrieve": {"retrieved"},
    "gather": {"pack"},
    "draft": {"claims"},
    "ground": {"verdicts"},
    "guard": {"guarded"},
    "present": {"review"},
}
"""What each step keeps in the flight record."""


def parts(clinic: Clinic) -> Parts:
    none: Any = None  # no step touches the checkpoints: the graph does
    return Parts(clinic.source, clinic.records, none, clinic.rules, clinic.topics, compose, "deterministic 1", "0.1.0")


@pytest.fixture
def space(clinic: Clinic) -> Iterator[Workspace]:
    """A review's workspace before its first step."""
    request = clinic.ask("ckd4-contrast")
    flight = begin(clinic.records, request.review_id)
    yield Workspace(request, parts(clinic), flight)
    flight.abandon()


def walked(space: Workspace) -> dict[str, Any]:
    """All steps in the graph's order, and what they hand to the state."""

    async def walk() -> dict[str, Any]:
        return {name: await step(space) for name, step, _ in STEPS}

    return asyncio.run(walk())


def test_every_step_hands_on_little_and_records_what_it_made(space: Workspace, clinic: Clinic) -> None:
    changes = walked(space)
    assert changes["chart"] == {"chart": space.need(space.chart).sha256}
    assert changes["study"]["identity"] == "match"
    assert changes["read"] == {"reading": "off"}
    assert changes["retrieve"] == {"neighbours": 0}
    assert changes["draft"] == {"drafted": len(space.claims)}
    assert 0 < changes["ground"]["supported"] <= changes["draft"]["drafted"]
    assert (changes["guard"]["status"], "C01" in changes["guard"]["fired"]) == ("needs_review", True)
    record = open_record(clinic.records, space.request.review_id)
    assert record.lines[-1]["sha256"] == changes["record"]["record"]
    assert {line["step"]: set(line["outputs"]) for line in record.lines[:-1]} == OUTPUTS
    assert [line["step"] for line in record.lines[:-1]] == list(OUTPUTS)


def test_nothing_a_step_hands_to_the_state_holds_a_word_of_the_chart(space: Workspace) -> None:
    text = json.dumps(walked(space))
    private = {"Lindqvist", "Marta", "1955-03-14", "SPH-004101", *(claim.text for claim in space.claims)}
    assert [word for word in private if word in text] == []


@pytest.mark.parametrize("name", [name for name, _, after in STEPS if after])
def test_a_step_before_the_one_it_needs_is_a_defect_and_records_nothing(name: str, space: Workspace) -> None:
    step = next(step for known, step, _ in STEPS if known == name)
    with pytest.raises(AssertionError, match="before the step it needs"):
        asyncio.run(step(space))
    assert (space.flight.folder / "record.jsonl").read_bytes() == b""


def test_chart_and_study_share_one_pull(space: Workspace, clinic: Clinic) -> None:
    asked = []

    class Counting:
        async def chart(self, patient: str) -> Any:
            asked.append(patient)
            return await clinic.source.chart(patient)

        def __getattr__(self, name: str) -> Any:
            return getattr(clinic.source, name)

    counting: Any = Counting()
    space.parts = replace(space.parts, source=counting)

    async def both() -> None:
        await steps.bind(space)
        await asyncio.gather(steps.chart(space), steps.study(space))

    asyncio.run(both())
    assert asked == ["Patient/ckd4-contrast"]


def test_the_versions_name_what_answered_and_none_for_what_did_not(clinic: Clinic) -> None:
    silent = steps.versions_of(parts(clinic), Read(None, None), Retrieved(None), "f" * 64)
    assert (silent.model, silent.index) == ("none", "none")
    assert (silent.rules, silent.chart) == (rules_fingerprint(clinic.rules), "f" * 64)
    answer = SearchResult((), False, "nothing near", 3, (), "exact", "few cases", 0.5, 0.95, generation="g7")
    spoke = steps.versions_of(parts(clinic), Read(abstention("compact 1", "ab12", "noise"), None), Retrieved(answer), "f" * 64)
    assert (spoke.model, spoke.index) == ("compact 1 ab12", "g7")


def test_the_fingerprint_of_the_guidance_changes_with_every_word_and_with_the_order(topics: tuple[Topic, ...]) -> None:
    first, *rest = topics
    reworded = first.model_copy(update={"passages": (first.passages[0].model_copy(update={"text": "another"}), *first.passages[1:])})
    prints = [steps.guidance_fingerprint(each) for each in (topics, (reworded, *rest), tuple(rest), (*rest, first))]
    assert len(set(prints)) == 4
    assert steps.guidance_fingerprint(tuple(topic.model_copy() for topic in topics)) == prints[0]
