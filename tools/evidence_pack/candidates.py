"""What a pack is chosen from: what this review rests on first, then the rest of the chart, each with what speaks for it.

The tiers say in which order things are needed. How many of a tool are needed is fixed and does not grow with the budget: five
thousand active problems are not allowed to push out one laboratory value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fhir.chart import Chart, Fact
from fhir.time import When, parse_when
from policies.conditions.index import ChartIndex
from policies.evidence import Sourced
from tools import allergies, labs, medications, orders, problems, procedures
from tools.evidence_pack.pack import Candidate, Need
from tools.evidence_pack.relevance import FINDING, LISTED, QUESTION, Part, Scale
from tools.evidence_pack.survey import Weighed
from tools.notes import is_flagged

Held = Callable[[Chart, datetime], tuple[Fact, ...]]
Group = tuple[str, Sequence[Fact | Sourced], int, int]
"""Tool, its items in the order of gathering, the tier in which they are needed, and how many of them are."""

FOCUS, RESTED, PASSAGES, REPORTED, ASKED, MEASURED, WARNED, KNOWN, COMPARED = range(9)
"""Tiers: the study and its report; what fired conditions rest on; their passages and calculations; other reports; what the question
names; the latest of each analyte and devices; allergies and open orders; problems and medicines; similar cases."""

LOOKS: tuple[tuple[str, Held, int, int], ...] = (
    ("problems", problems.held, KNOWN, 20),
    ("medications", medications.held, KNOWN, 20),
    ("allergies", allergies.held, WARNED, 15),
    ("orders", orders.held, WARNED, 10),
    ("devices", procedures.devices, MEASURED, 10),
    ("procedures", procedures.done, KNOWN, 0),
)
"""Tool, its look-up, the tier in which its facts are needed, and how many are."""

SENTENCES: Mapping[str, tuple[int, int]] = {
    "focal": (FOCUS, 40),
    "flagged": (REPORTED, 10),
    "prior": (REPORTED, 20),
    "lately": (REPORTED, 20),
    "older": (REPORTED, 0),
}
"""Whose sentences are needed, in which tier, and how many of each."""
_LATELY = timedelta(days=30)
_ANSWERS = 15


@dataclass(frozen=True, slots=True)
class Found:
    """What the run knows before it looks into the rest of the chart."""

    imaging: tuple[Fact | Sourced, ...]
    """The study, and what was read in its images."""
    sentences: tuple[Sourced, ...]
    """Of reports and notes, in the order of `tools.notes`."""
    focal: frozenset[str]
    """References of the focal study's reports."""
    prior: frozenset[str]
    """References of the reports of the study before it."""
    rested: tuple[Fact, ...]
    """Facts that the conditions of guidance that applies rested on."""
    passages: tuple[Sourced, ...]
    calculations: tuple[Sourced, ...]
    similar: tuple[Sourced, ...]


def candidates(chart: Chart, found: Found, surveyed: Mapping[str, Weighed], scale: Scale, index: ChartIndex) -> Iterator[Candidate]:
    """Every candidate of a review, in the order of gathering. `scale` weighs what is no fact of the survey, and knows the moment."""
    as_of = scale.focus.as_of
    latest, moved = labs.held(index, as_of)
    groups: tuple[Group, ...] = (
        *((tool, held(chart, as_of), tier, most) for tool, held, tier, most in LOOKS),
        ("labs", latest, MEASURED, len(latest)),
        ("labs", moved, MEASURED, 0),
        ("guidance facts", found.rested, RESTED, len(found.rested)),
        ("calculations", found.calculations, PASSAGES, len(found.calculations)),
        ("similar cases", found.similar, COMPARED, len(found.similar)),
        ("guidance", found.passages, PASSAGES, len(found.passages)),
    )
    yield from _grouped(0, ("imaging", found.imaging, FOCUS, len(found.imaging)), surveyed)
    yield from _sentences(1, found, scale)
    for order, group in enumerate(groups, start=2):
        yield from _grouped(order, group, surveyed)
    asked = _asked(surveyed)
    for position, (reference, weighed) in enumerate(surveyed.items()):
        need = (ASKED, asked[reference]) if reference in asked else None
        yield _of_fact(weighed.tool, weighed.fact, (len(groups) + 2, position), weighed, need=need)


def _asked(surveyed: Mapping[str, Weighed]) -> dict[str, int]:
    """Of the facts that the question names, the most relevant, each with its rank: as many as a person would want as an answer."""
    named = [(reference, one) for reference, one in surveyed.items() if any(name.startswith(QUESTION) for name, _ in one.parts)]
    named.sort(key=lambda pair: -pair[1].score)
    return {reference: rank for rank, (reference, _) in enumerate(named[:_ANSWERS])}


def _sentences(order: int, found: Found, scale: Scale) -> Iterator[Candidate]:
    seen: Counter[str] = Counter()
    for position, item in enumerate(found.sentences):
        moment = parse_when(item.when) if item.when else None
        kind = _kind(item, moment, found, scale.focus.as_of)
        tier, most = SENTENCES[kind]
        need = (tier, seen[kind]) if seen[kind] < most else None
        seen[kind] += 1
        parts = (("a finding of images", FINDING), *scale.recency("DiagnosticReport", moment))
        yield Candidate("notes", item, (order, position), parts, moment=moment, need=need)


def _kind(item: Sourced, moment: When | None, found: Found, as_of: datetime) -> str:
    if is_flagged(item):
        return "flagged"
    if item.reference in found.focal:
        return "focal"
    if item.reference in found.prior:
        return "prior"
    return "lately" if moment is not None and moment.within(_LATELY, as_of) is not False else "older"


def _grouped(order: int, group: Group, surveyed: Mapping[str, Weighed]) -> Iterator[Candidate]:
    tool, items, tier, most = group
    ranks = _ranks(items, surveyed) if tier == KNOWN else range(len(items))
    for position, (item, rank) in enumerate(zip(items, ranks, strict=True)):
        need = (tier, rank) if rank < most else None
        if isinstance(item, Fact):
            listed = ((f"among the {tool}", LISTED),) if most else ()
            yield _of_fact(tool, item, (order, position), surveyed.get(item.reference), need=need, listed=listed)
        else:
            yield Candidate(tool, item, (order, position), need=need)


def _ranks(items: Sequence[Fact | Sourced], surveyed: Mapping[str, Weighed]) -> list[int]:
    """Of each item its rank by relevance; of two that matter as much, the first comes first."""
    scores = [weighed.score if (weighed := surveyed.get(item.reference)) else 0.0 for item in items]
    order = sorted(range(len(items)), key=lambda position: (-scores[position], position))
    return [rank for _, rank in sorted(zip(order, range(len(items)), strict=True))]


def _of_fact(
    tool: str, fact: Fact, place: tuple[int, int], weighed: Weighed | None, *, need: Need | None = None, listed: tuple[Part, ...] = ()
) -> Candidate:
    if weighed is None:
        return Candidate(tool, fact, place, listed, need=need)
    return Candidate(tool, fact, place, (*listed, *weighed.parts), weighed.size, weighed.moment, need)
