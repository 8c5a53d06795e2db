"""The deterministic composer: the guidance pack's templates and plain statements of who says what, filled from evidence alone.

No model takes part, so that the same evidence gives the same claims, word for word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from agent.composers.proposals import Proposal
from agent.composers.slots import Pool, filled
from agent.composers.statements import statements
from agent.composers.studies import Studies, studies_of
from policies.case import PolicyCase
from policies.claim import Claim
from policies.conditions import evaluate
from policies.evidence import Evidence
from policies.guidance_pack import Template, Topic

MOST = 8
"""Claims shown at once: a handful. More are not read."""
ORDER = ("critical", "caution", "assessment", "finding")
"""Claims are shown in this order, context of the chart last, and dropped from its end."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A claim that was not made or not shown, and why."""

    text: str
    reason: str
    guidance: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What the composer proposes, and what it left out."""

    claims: tuple[Claim, ...]
    dropped: tuple[Dropped, ...]


def compose(case: PolicyCase, evidence: tuple[Evidence, ...], topics: tuple[Topic, ...]) -> tuple[Claim, ...]:
    """The claims of `draft`."""
    return draft(case, evidence, topics).claims


def draft(case: PolicyCase, evidence: tuple[Evidence, ...], topics: tuple[Topic, ...], most: int = MOST) -> Draft:
    """Claims C1, C2 …: critical, cautions, assessments, findings; at most `most`, the last ones dropped and reported."""
    studies = studies_of(case)
    proposed = dict.fromkeys((*_from_topics(case, evidence, topics, studies), *statements(evidence, studies)))
    unique = _without_echoes(list({proposal.text: proposal for proposal in reversed(proposed)}.values())[::-1])
    news = _without_known(unique, evidence)
    ranked = sorted(news, key=_place)
    dropped = tuple(Dropped(each.text, f"more than {most} claims: {each.weight} comes last", each.guidance) for each in ranked[most:])
    return Draft(tuple(each.claim(number) for number, each in enumerate(ranked[:most], start=1)), dropped)


def _without_echoes(proposals: list[Proposal]) -> list[Proposal]:
    """Leave out a plain statement of a finding that another claim states as well, from the same evidence, and goes on from."""
    told = {(each.finding, each.side, item) for each in proposals if each.guidance and each.finding for item in each.evidence}
    return [
        each for each in proposals if each.weight != "finding" or not {(each.finding, each.side, item) for item in each.evidence} <= told
    ]


def _place(proposal: Proposal) -> tuple[int, bool, bool]:
    """Its place: by weight; of the least weighty what is seen comes first, then options about it, then the chart's context."""
    return ORDER.index(proposal.weight), proposal.weight == "finding" and proposal.kind != "finding", _is_context(proposal)


def _is_context(proposal: Proposal) -> bool:
    """Whether it says what the chart holds, and nothing of an image: worth a line, after everything that was seen."""
    return proposal.guidance is not None and proposal.kind == "assessment" and proposal.finding is None


def _without_known(proposals: list[Proposal], evidence: tuple[Evidence, ...]) -> list[Proposal]:
    """Leave out a fact as context where a stronger statement of the same review names it already."""
    about_nobody = {item.id for item in evidence if item.kind == "guidance"}
    said = {item for each in proposals if not _is_context(each) for item in each.evidence} - about_nobody
    return [each for each in proposals if not _is_context(each) or not set(each.evidence) - about_nobody <= said]


def _from_topics(case: PolicyCase, evidence: tuple[Evidence, ...], topics: Iterable[Topic], studies: Studies) -> Iterator[Proposal]:
    pool = Pool(evidence, frozenset(), studies.reports, studies.prior_reports)
    for topic in topics:
        answer = evaluate(topic.when, case)
        templates: tuple[Template, ...] = topic.claims if answer.value else ()
        basis = answer.basis
        if answer.value is None and topic.cannot_tell is not None:
            asked = None if topic.cannot_tell.asked_when is None else evaluate(topic.cannot_tell.asked_when, case)
            templates = (topic.cannot_tell,) if asked is None or asked.value else ()
            basis += () if asked is None else asked.basis
        yield from _made(topic, templates, replace(pool, basis=frozenset(each.reference for each in basis)))


def _made(topic: Topic, templates: Iterable[Template], pool: Pool) -> Iterator[Proposal]:
    groups: set[str] = set()
    for template in templates:
        if template.group in groups:
            continue
        done = filled(template, topic.id, pool)
        if done is None:
            continue
        if template.group is not None:
            groups.add(template.group)
        side = template.side if template.side_of is None else done.items[template.side_of].side
        yield Proposal(
            text=done.text,
            kind=template.kind,
            weight=template.weight,
            evidence=done.evidence,
            polarity=template.polarity,
            finding=template.finding,
            side=side,
            topic=template.topic,
            guidance=topic.id,
        )
