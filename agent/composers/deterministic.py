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
"""Claims are shown in this order, and dropped from its end."""


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
    ranked = sorted(unique, key=lambda proposal: ORDER.index(proposal.weight))
    dropped = tuple(Dropped(each.text, f"more than {most} claims: {each.weight} comes last", each.guidance) for each in ranked[most:])
    return Draft(tuple(each.claim(number) for number, each in enumerate(ranked[:most], start=1)), dropped)


def _without_echoes(proposals: list[Proposal]) -> list[Proposal]:
    """Leave out a plain statement of a finding that another claim states as well, from the same evidence, and goes on from."""
    told = {(each.finding, each.side, item) for each in proposals if each.guidance and each.finding for item in each.evidence}
    return [
        each for each in proposals if each.weight != "finding" or not {(each.finding, each.side, item) for item in each.evidence} <= told
    ]


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
