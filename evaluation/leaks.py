"""Does a search ever find what it must not? Cases of the library are asked again, each on its own day.

The judgement is made here from the cards alone, apart from the code that excludes; and it is made a second time without the
rules, so that a count of nothing found is seen to mean something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.asking import AFTER_ALL, Asking, query
from retrieval.cards import CaseCard, Query
from retrieval.keys import NEAR_DUPLICATE_BITS, NEAR_REPORT_BITS, NO_SKETCH
from retrieval.library import Library

DEPTH = 20
"""Neighbours looked at for each query: more than any review shows."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """How many neighbours of how many queries were judged, and what was found that must not be, with the rules and without."""

    queries: int
    neighbours: int
    leaked: tuple[tuple[str, int], ...]
    without_rules: tuple[tuple[str, int], ...]


def leaks(library: Library, asked: Sequence[Asking], check: str) -> Leaks:
    """Judge the nearest 20 of each query, and whatever a search shows of them.

    Args:
        library: What is searched.
        asked: Cases of this very library, so that there is something to leak.
        check: Of the keyring of both.
    """
    leaked, open_door, judged = Counter[str](), Counter[str](), 0
    for one in asked:
        ruled = query(one, "fused", check, k=DEPTH, as_of=one.card.as_of)
        cards = [library.card(int(row)) for row in library.nearest(ruled, DEPTH).rows]
        cards += [neighbour.card for neighbour in library.search(ruled).neighbours]
        judged += len(cards)
        leaked.update(reason for card in cards for reason in forbidden(one.card, card))
        unruled = Query(image=one.image, text=one.text, as_of=AFTER_ALL)
        found = [library.card(int(row)) for row in library.nearest(unruled, DEPTH).rows]
        open_door.update(reason for card in found for reason in forbidden(one.card, card))
    return Leaks(len(asked), judged, tuple(sorted(leaked.items())), tuple(sorted(open_door.items())))


def forbidden(asked: CaseCard, found: CaseCard) -> list[str]:
    """Every reason why a query of the case `asked` must not find `found`."""
    rules = {
        "same person": not {asked.person, *asked.linked}.isdisjoint({found.person, *found.linked}),
        "same study": asked.study == found.study,
        "near-duplicate image": _bits(asked.image_hash, found.image_hash) <= NEAR_DUPLICATE_BITS,
        "equal report": asked.report_hash == found.report_hash,
        "near-duplicate report": NO_SKETCH not in (asked.report_sketch, found.report_sketch)
        and _bits(asked.report_sketch, found.report_sketch) <= NEAR_REPORT_BITS,
        "later date": found.as_of > asked.as_of,
    }
    return [reason for reason, broken in rules.items() if broken]


def _bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()
