"""Similar past cases as evidence: each case on its own, and counts over the group where the group is large enough to count.

A count is given as "n of m", never as a percentage or a probability (POLICIES G16), and never for a group below five (G15):
it says what was stated of other people, and nothing of this patient.
"""

from __future__ import annotations

import hashlib
from collections import Counter

from fhir.codes import FINDING
from policies.evidence import Sourced
from retrieval.cards import CaseCard, CaseFinding, Neighbour, SearchResult

SMALLEST_GROUP = 5


def look_up(result: SearchResult) -> tuple[Sourced, ...]:
    """Group counts (most frequent first), then each neighbour, nearest first. Empty when the search found none comparable."""
    if not result.comparable:
        return ()
    return (*group(result), *(_neighbour(neighbour, result.generation) for neighbour in result.neighbours))


def group(result: SearchResult) -> tuple[Sourced, ...]:
    """One item per finding and per outcome of the group; empty for fewer than five comparable cases."""
    cards = [neighbour.card for neighbour in result.neighbours]
    if not result.comparable or len(cards) < SMALLEST_GROUP:
        return ()
    stated = Counter(key for card in cards for key in {finding.key for finding in card.findings} if key in FINDING)
    ended = Counter(card.outcome for card in cards if card.outcome)
    findings = [_counted(cards, result, number, f"state {FINDING[key].display}", key) for key, number in stated.most_common()]
    return (*findings, *(_counted(cards, result, number, f"ended as: {outcome}", None) for outcome, number in ended.most_common()))


def _counted(cards: list[CaseCard], result: SearchResult, number: int, words: str, finding: str | None) -> Sourced:
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
    stated = ", ".join(_words(finding) for finding in card.findings) or "no finding"
    parts = [f"Similar case (distance {neighbour.distance:.2f}): {stated}", f"{card.modality}, {card.view}"]
    parts += [f"outcome: {card.outcome}"] if card.outcome else []
    parts += [f"shares {_listed(neighbour.shared)}"] if neighbour.shared else []
    parts += [f"differs in {_listed(neighbour.differs)}"] if neighbour.differs else []
    return Sourced(
        kind="similar_case",
        reference=f"case:{card.key}",
        text="; ".join(parts),
        sha256=hashlib.sha256(card.report.encode()).hexdigest(),
        version=generation,
        when=card.as_of.isoformat(),
    )


def _words(finding: CaseFinding) -> str:
    name = FINDING[finding.key].display if finding.key in FINDING else finding.key
    return f"{finding.side} {name}" if finding.side else name


def _listed(keys: tuple[str, ...]) -> str:
    return ", ".join(FINDING[key].display if key in FINDING else key for key in keys)
