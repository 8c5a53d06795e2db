"""gather: the bounded evidence pack. What does not fit is counted and said, never dropped in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.nodes.read import Read
from agent.nodes.retrieve import Retrieved
from agent.nodes.study import Facts
from agent.parts import TOKENS
from agent.review import Overflow, PackSummary
from agent.sides import order_side, report_sides
from fhir.chart import Chart, Fact
from fhir.imaging import priors
from fhir.study import Study
from fhir.views import newest_first
from policies.case import PolicyCase, StudyFacts
from policies.conditions import evaluate
from policies.evidence import Evidence, Sourced, mint
from policies.guidance_pack import Topic
from policies.outcome import Basis
from tools import calculators, guidance, images, notes, similar_cases
from tools.evidence_pack.candidates import Found, candidates
from tools.evidence_pack.pack import Packed, pack
from tools.evidence_pack.relevance import Scale, focus_of
from tools.evidence_pack.survey import survey
from tools.evidence_pack.tokens import TokenCounter, estimated

_EVERYTHING = 1_000_000
_RESTED = 4
"""Facts of one type and topic that are needed: a condition names every fact that could have answered it."""


@dataclass(frozen=True, slots=True)
class Pack:
    """The evidence of a review, numbered, and what did not fit."""

    evidence: tuple[Evidence, ...]
    overflow: tuple[Overflow, ...]
    unread: tuple[str, ...]
    """References of reports and notes whose text could not be read."""
    summary: PackSummary
    why: tuple[str, ...] = ()
    """Of each item, in order, why it is in: kept in the flight record."""


def gather(
    chart: Chart,
    as_of: datetime,
    topics: tuple[Topic, ...],
    *,
    study: Study | None,
    facts: Facts,
    read: Read,
    retrieved: Retrieved,
    question: str | None = None,
    budget: int = TOKENS,
    count: TokenCounter = estimated,
) -> tuple[Pack, PolicyCase]:
    """The evidence pack, and the case that composers and policies look at. A function of its arguments alone.

    The lines of the pack, as a prompt shows them, never count more than `budget` tokens by `count`. The case holds the pack's
    evidence, and after it what reports and notes say that did not fit: a rule must not fall silent for want of room, and no claim
    can cite what is not in the pack.
    """
    patient = chart.patient.reference
    sentences = notes.look_up(chart, patient, as_of, study.reports if study else (), _EVERYTHING)
    # conditions on what a report says look at the evidence, so the topics see it before the pack is numbered for good
    case = PolicyCase(chart, as_of, study_facts(chart, study, facts, sentences), read.facts, (), mint(sentences))
    applying = tuple(_applying(case, topics))
    found = Found(
        imaging=_imaging(chart, patient, study, read),
        sentences=sentences,
        focal=frozenset(study.reports if study else ()),
        prior=_prior(chart, study, sentences),
        rested=_rested(chart, (bases for _, bases in applying)),
        passages=guidance.look_up(topic for topic, _ in applying),
        calculations=calculators.look_up(chart, patient, as_of),
        similar=similar_cases.look_up(retrieved.search) if retrieved.search else (),
    )
    scale = Scale(focus_of(chart, as_of, study, question))
    packed = pack(candidates(chart, found, survey(chart, scale, count), scale, case.index), budget, patient, count)
    evidence = mint(packed.items)
    why = tuple(each.why for each in packed.taken)
    finished = Pack(evidence, _overflow(packed), tuple(sorted(notes.unread(chart))), _summary(packed), why)
    return finished, PolicyCase(chart, as_of, case.study, case.reading, (), _with_unfitting(evidence, packed.items, sentences))


def _with_unfitting(evidence: tuple[Evidence, ...], items: tuple[Sourced, ...], sentences: tuple[Sourced, ...]) -> tuple[Evidence, ...]:
    """The pack's evidence, and the sentences that did not fit, numbered on after it."""
    fitting = {item for item in items if item.kind == "report_sentence"}
    return evidence if fitting.issuperset(sentences) else mint((*items, *sentences))


def _overflow(packed: Packed) -> tuple[Overflow, ...]:
    return tuple(
        Overflow(tool=left.tool, kept=left.kept, dropped=left.dropped, newest=left.newest, needed=left.needed) for left in packed.left
    )


def _summary(packed: Packed) -> PackSummary:
    return PackSummary(budget=packed.budget, tokens=packed.used, set_aside=packed.set_aside)


def _prior(chart: Chart, study: Study | None, sentences: tuple[Sourced, ...]) -> frozenset[str]:
    """References of the reports of the newest comparable study before; of no interest when no other report says anything."""
    silent = study is None or {item.reference for item in sentences} <= set(study.reports)
    earlier = () if silent or study is None else priors(chart, study)
    return frozenset(earlier[0].reports if earlier else ())


def _applying(case: PolicyCase, topics: tuple[Topic, ...]) -> Iterator[tuple[Topic, tuple[Basis, ...]]]:
    """The topics that apply, or have something to say when they cannot tell, with what their conditions rested on."""
    for topic in topics:
        answer = evaluate(topic.when, case)
        if answer.value:
            yield topic, answer.basis
        elif answer.value is None and topic.cannot_tell is not None:
            asked = topic.cannot_tell.asked_when
            said = None if asked is None else evaluate(asked, case)
            if said is None or said.value:
                yield topic, answer.basis + (() if said is None else said.basis)


def _rested(chart: Chart, rested: Iterable[tuple[Basis, ...]]) -> tuple[Fact, ...]:
    """The facts that answers rested on, newest first; of each answer at most four of a type."""
    kept: dict[str, Fact] = {}
    for bases in rested:
        named = dict.fromkeys(chart.resolve(basis.reference) for basis in bases)
        found = newest_first(tuple(fact for reference in named if (fact := chart.get(reference)) is not None))
        seen: Counter[str] = Counter()
        for fact in found:
            seen[fact.resource_type] += 1
            if seen[fact.resource_type] <= _RESTED:
                kept[fact.reference] = fact
    return newest_first(tuple(kept.values()))


def _imaging(chart: Chart, patient: str, study: Study | None, read: Read) -> tuple[Fact | Sourced, ...]:
    fact = chart.get(study.reference) if study else None
    said = images.look_up(read.reading, read.image_sha256, patient) if read.reading and read.image_sha256 else ()
    return said if fact is None else (fact, *said)


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
