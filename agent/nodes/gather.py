"""gather: the bounded evidence pack. What does not fit is counted and said, never dropped in silence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.nodes.study import Facts
from agent.review import Overflow
from agent.sides import order_side, report_sides
from fhir.chart import Chart
from fhir.study import Study
from policies.case import PolicyCase, StudyFacts
from policies.conditions import evaluate
from policies.evidence import Evidence, Sourced, mint
from policies.guidance_pack import Topic
from tools import allergies, calculators, guidance, images, labs, medications, notes, orders, problems, procedures, similar_cases
from tools.selection import told

Look = Callable[[Chart, str, datetime, int], tuple[Sourced, ...]]
_EVERYTHING = 1_000_000

LOOKS: tuple[tuple[str, Look, int], ...] = (
    ("problems", problems.look_up, 20),
    ("medications", medications.look_up, 20),
    ("allergies", allergies.look_up, 15),
    ("orders", orders.look_up, 10),
    ("procedures", procedures.look_up, 20),
    ("labs", lambda chart, patient, as_of, _: labs.look_up(chart, patient, as_of), 40),
)
"""Tool, its look-up and how many of its items a pack holds. Each tool puts what matters most first."""

SENTENCES = 40


@dataclass(frozen=True, slots=True)
class Pack:
    """The evidence of a review, numbered, and what did not fit."""

    evidence: tuple[Evidence, ...]
    overflow: tuple[Overflow, ...]
    unread: tuple[str, ...]
    """References of reports and notes whose text could not be read."""


def gather(
    chart: Chart, as_of: datetime, topics: tuple[Topic, ...], *, study: Study | None, facts: Facts, read: Read, retrieved: Retrieved
) -> tuple[Pack, PolicyCase]:
    """The evidence pack, and the case that composers and policies look at. A function of its arguments alone."""
    patient = chart.patient.reference
    looked, overflow = _look(chart, patient, as_of, study)
    imaging = _imaging(chart, patient, study, read)
    similar = similar_cases.look_up(retrieved.search) if retrieved.search else ()
    # conditions on what a report says look at the evidence, so the topics see it before the pack is numbered for good
    case = PolicyCase(chart, as_of, study_facts(chart, study, facts, looked), read.facts, (), mint((*imaging, *looked)))
    rested, passages = _guidance(case, topics, patient)
    evidence = mint((*imaging, *looked, *rested, *calculators.look_up(chart, patient, as_of), *similar, *passages))
    return Pack(evidence, overflow, notes.unread(chart)), PolicyCase(chart, as_of, case.study, case.reading, (), evidence)


def _look(chart: Chart, patient: str, as_of: datetime, study: Study | None) -> tuple[tuple[Sourced, ...], tuple[Overflow, ...]]:
    reports = study.reports if study else ()
    found = [("notes", notes.look_up(chart, patient, as_of, reports, _EVERYTHING), SENTENCES)]
    found += [(tool, look(chart, patient, as_of, _EVERYTHING), most) for tool, look, most in LOOKS]
    kept = tuple(item for _, items, most in found for item in items[:most])
    return kept, tuple(Overflow(tool=tool, kept=most, dropped=len(items) - most) for tool, items, most in found if len(items) > most)


def _imaging(chart: Chart, patient: str, study: Study | None, read: Read) -> tuple[Sourced, ...]:
    fact = chart.get(study.reference) if study else None
    named = told([fact] if fact is not None else [], patient)
    said = images.look_up(read.reading, read.image_sha256, patient) if read.reading and read.image_sha256 else ()
    return (*named, *said)


def _guidance(case: PolicyCase, topics: tuple[Topic, ...], patient: str) -> tuple[tuple[Sourced, ...], tuple[Sourced, ...]]:
    """The facts the conditions of the topics that apply rested on, and those topics' passages."""
    answers = [(topic, evaluate(topic.when, case)) for topic in topics]
    apply = [(topic, answer) for topic, answer in answers if answer.value or (answer.value is None and topic.cannot_tell)]
    references = dict.fromkeys(basis.reference for _, answer in apply for basis in answer.basis)
    facts = [fact for reference in references if (fact := case.chart.get(reference)) is not None]
    return told(facts, patient), guidance.look_up(topic for topic, _ in apply)


def study_facts(chart: Chart, study: Study | None, facts: Facts, evidence: tuple[Sourced, ...]) -> StudyFacts | None:
    """The focal study as policies see it: the word of order, series, image and report on the side, none preferred."""
    if study is None:
        return None if facts.identity is None else StudyFacts("", (), None, facts.identity, image_side=facts.image_side)
    return StudyFacts(
        reference=study.reference,
        modality=study.modality,
        body_part=study.body_part,
        identity=facts.identity,
        order_side=order_side(chart, study),
        series_side=study.series_laterality,
        image_side=facts.image_side,
        report_sides=report_sides(evidence, study),
    )
