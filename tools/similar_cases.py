"""Similar past cases as evidence: each case on its own, and counts over the group where the group is large enough to count.

A count is given as "n of m", never as a percentage or a probability (POLICIES G16), and never for a group below five (G15):
it says what was stated of other people, and nothing of this patient. Each person counts once, whatever cases they have.

Nothing of a case's report is quoted: what it states is told in words of our own. What an archive may write freely (an outcome, the
name of a finding) is left out where it reads like an instruction to a machine.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from fhir.codes import FINDING
from policies.evidence import Sourced
from retrieval.cards import CaseCard, Neighbour, SearchResult
from retrieval.finding_words import finding_name, told
from tools.injection import markers

SMALLEST_GROUP: Final = 5
"""People. Fewer are not described as a group."""
_MOST_WORDS: Final = 8
"""Findings, things shared and things that differ, that one case is told with: the review itself lists them all."""
_LONGEST: Final = 80
"""Characters of an outcome or a licence."""


def look_up(result: SearchResult) -> tuple[Sourced, ...]:
    """Group counts (most frequent first), then each neighbour, nearest first. Empty when the search found none comparable."""
    if not result.comparable:
        return ()
    return (*group(result), *(_neighbour(neighbour, result.generation) for neighbour in result.neighbours))


def people(result: SearchResult | None) -> tuple[CaseCard, ...]:
    """The nearest case of each person among the neighbours, or nothing where they are fewer than five people or not comparable.

    Two cases are of one person when any of their identifiers are equal (`CaseCard.person`, `CaseCard.linked`).
    """
    if result is None or not result.comparable:
        return ()
    chosen: list[CaseCard] = []
    known: set[str] = set()
    for card in (neighbour.card for neighbour in result.neighbours):
        names = {card.person, *card.linked}
        if not names & known:
            chosen.append(card)
        known |= names
    return tuple(chosen) if len(chosen) >= SMALLEST_GROUP else ()


def group(result: SearchResult) -> tuple[Sourced, ...]:
    """One item per finding and per outcome of the group; empty for fewer than five people with comparable cases.

    Of the findings that are not in the vocabulary, those that more than one person has.
    """
    cards = people(result)
    if not cards:
        return ()
    stated = Counter(key for card in cards for key in {finding.key for finding in card.findings})
    ended = Counter(outcome for card in cards if (outcome := _plain(card.outcome or "")))
    findings = [
        _counted(cards, result, number, f"state {finding_name(key)}", key if key in FINDING else None)
        for key, number in stated.most_common()
        if key in FINDING or (number > 1 and _plain(finding_name(key)))
    ]
    return (*findings, *(_counted(cards, result, number, f"ended as: {outcome}", None) for outcome, number in ended.most_common()))


def _counted(cards: Sequence[CaseCard], result: SearchResult, number: int, words: str, finding: str | None) -> Sourced:
    keys = "\n".join(sorted(card.key for card in cards))
    digest = hashlib.sha256(keys.encode()).hexdigest()
    text = f"{number} of {len(cards)} comparable cases {words}"
    return Sourced(
        kind="similar_case",
        reference=f"case:group-{digest[:16]}",
        text=text,
        sha256=digest,
        version=result.generation,
        finding=finding,
        based_on=tuple(f"case:{card.key}" for card in cards),
    )


def _neighbour(neighbour: Neighbour, generation: str) -> Sourced:
    card = neighbour.card
    parts = [
        f"Similar case (distance {neighbour.distance:.2f}): {_listed(map(told, card.findings)) or 'no finding'}",
        f"{card.modality}, {card.view}",
    ]
    for name, words in (
        ("outcome: ", _plain(card.outcome or "")),
        ("shares ", _listed(neighbour.shared)),
        ("differs: ", _listed(neighbour.differs)),
        ("licence: ", _plain(card.licence)),
    ):
        parts += [name + words] if words else []
    return Sourced(
        kind="similar_case",
        reference=f"case:{card.key}",
        text="; ".join(parts),
        sha256=hashlib.sha256(card.report.encode()).hexdigest(),
        version=generation,
        when=card.year,
    )


def _listed(words: Iterable[str]) -> str:
    kept = [word for word in words if _plain(word)]
    more = f" and {len(kept) - _MOST_WORDS} more" if len(kept) > _MOST_WORDS else ""
    return ", ".join(kept[:_MOST_WORDS]) + more


def _plain(text: str) -> str:
    """`text` in one line and not too long; empty when it reads like an instruction."""
    line = " ".join(text.split())
    if markers(line):
        return ""
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"
