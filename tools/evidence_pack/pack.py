"""What goes into an evidence pack: first what a review must not be without, then what matters most for its tokens.

Items are taken in one order that does not depend on the budget, until the next one does not fit. So what is left out never matters
more than what is in, a larger budget holds all that a smaller one does, and the same chart gives the same pack, whatever order its
facts came in. An item too long to be read comes last of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fhir.chart import Fact
from fhir.time import When
from policies.evidence import Sourced
from tools.errors import InputRefused, NoEvidence
from tools.evidence_pack.relevance import LEAST, Part, total, why
from tools.evidence_pack.tokens import TokenCounter, cost, estimated
from tools.facts import fact_evidence

LONGEST = 500
"""Tokens of an item that is taken in its turn. One that is longer waits until all others are in."""

Need = tuple[int, int]
"""Tier and rank of what a review must not be without; the lower, the sooner."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that may go into a pack. A fact is put into words only when its turn comes."""

    tool: str
    """What it is counted as."""
    source: Fact | Sourced
    place: tuple[int, int]
    """Where it stands in the finished pack: order of gathering."""
    parts: tuple[Part, ...] = ()
    """What speaks for it."""
    size: int = 40
    """Tokens, roughly: what its score is divided by."""
    moment: When | None = None
    need: Need | None = None

    @property
    def key(self) -> str | Sourced:
        """By what it is told from others: a fact by its reference, anything else by all it says."""
        return self.source.reference if isinstance(self.source, Fact) else self.source

    @property
    def matters(self) -> bool:
        """Whether it is needed, or enough speaks for it."""
        return self.need is not None or total(self.parts) >= LEAST


@dataclass(frozen=True, slots=True)
class Taken:
    """An item that is in, what it costs, and why it is in."""

    item: Sourced
    tool: str
    tokens: int
    why: str


@dataclass(frozen=True, slots=True)
class Left:
    """What of one tool did not fit."""

    tool: str
    kept: int
    dropped: int
    newest: str | None
    """Date of the newest that was left out, as the record gives it."""
    needed: bool
    """Whether something that a review must not be without is among it."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A pack: its items in the order of gathering, and what did not fit."""

    taken: tuple[Taken, ...]
    left: tuple[Left, ...]
    """By tool, in the order of gathering; empty when everything that matters fits."""
    budget: int
    used: int
    set_aside: int
    """Facts that nothing ties to what is asked: they were not looked at any closer."""

    @property
    def items(self) -> tuple[Sourced, ...]:
        """The evidence, in the order of gathering."""
        return tuple(each.item for each in self.taken)


def pack(candidates: Iterable[Candidate], budget: int, patient: str, count: TokenCounter = estimated) -> Packed:
    """As many of `candidates` as `budget` tokens hold; facts are worded about `patient` (a reference).

    Of two candidates that are the same the more needed one counts, at the place of the first.

    Raises:
        InputRefused: the budget is negative.
    """
    if budget < 0:
        raise InputRefused("a budget of tokens is not negative")
    offered = _merged(candidates)
    wanted = sorted((each for each in offered if each.matters), key=_turn)
    taken, rest = _filled(wanted, budget, patient, count)
    taken.sort(key=lambda pair: pair[0].place)
    return Packed(
        taken=tuple(each for _, each in taken),
        left=_left(taken, rest),
        budget=budget,
        used=sum(each.tokens for _, each in taken),
        set_aside=len(offered) - len(wanted),
    )


def _merged(candidates: Iterable[Candidate]) -> list[Candidate]:
    found: dict[str | Sourced, Candidate] = {}
    for each in candidates:
        known = found.get(each.key)
        needs = [need for need in (each.need, known.need if known else None) if need is not None]
        found[each.key] = each if known is None else replace(known, need=min(needs, default=None))
    return list(found.values())


def _turn(candidate: Candidate) -> tuple[bool, Need, float, tuple[int, int]]:
    """When its turn comes: the needed by tier and rank, then by score per token; what is equal, in the order of gathering."""
    weight = -total(candidate.parts) / candidate.size
    return candidate.need is None, candidate.need or (0, 0), weight if candidate.need is None else 0.0, candidate.place


def _filled(
    wanted: Sequence[Candidate], budget: int, patient: str, count: TokenCounter
) -> tuple[list[tuple[Candidate, Taken]], list[Candidate]]:
    """What fits, in turn, and the candidates that do not. A fact of which nothing can be quoted is neither."""
    taken: list[tuple[Candidate, Taken]] = []
    long: list[tuple[Candidate, Taken]] = []
    for position, candidate in enumerate(wanted):
        told = _told(candidate, patient, count)
        if told is None:
            continue
        if told.tokens > LONGEST:
            long.append((candidate, told))
        elif told.tokens > budget:
            return taken, [*wanted[position:], *(each for each, _ in long)]
        else:
            taken.append((candidate, told))
            budget -= told.tokens
    for position, (candidate, told) in enumerate(long):
        if told.tokens > budget:
            return taken, [each for each, _ in long[position:]]
        taken.append((candidate, told))
        budget -= told.tokens
    return taken, []


def _told(candidate: Candidate, patient: str, count: TokenCounter) -> Taken | None:
    try:
        item = fact_evidence(candidate.source, patient) if isinstance(candidate.source, Fact) else candidate.source
    except NoEvidence:
        return None
    reasons = "needed" if candidate.need is not None else ""
    return Taken(item, candidate.tool, cost(item, count), "; ".join(filter(None, (reasons, why(candidate.parts)))))


def _left(taken: list[tuple[Candidate, Taken]], rest: list[Candidate]) -> tuple[Left, ...]:
    kept = Counter(candidate.tool for candidate, _ in taken)
    by_tool: dict[str, list[Candidate]] = {}
    for candidate in sorted(rest, key=lambda each: each.place):
        by_tool.setdefault(candidate.tool, []).append(candidate)
    return tuple(_of_tool(tool, kept[tool], out) for tool, out in by_tool.items())


def _of_tool(tool: str, kept: int, out: list[Candidate]) -> Left:
    moments = sorted((each.moment for each in out if each.moment is not None), key=lambda moment: (moment.latest, moment.text))
    return Left(tool, kept, len(out), moments[-1].text if moments else None, any(each.need is not None for each in out))
