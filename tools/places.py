"""Where in the chest a report puts a finding: lobe, zone, base, apex, hilum, in one word for each place, so that places compare.

"RLL", "lower lobes" and "lower lobe" are one place; "bibasilar", "bases" and "basal" another. The side of a place is the one that
the report writes at it ("right upper and left lower lobes" are two places with a side each).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fhir.codes import Side
from policies.grounding.laterality import side_words

Span = tuple[int, int]

_PLACES: Final[dict[str, str]] = {
    "upper lobe": r"upper(?=\s+(?:and|or|&)\s+(?:\w+\s+){0,3}?lobes?)|upper[\s-]+lobes?|RUL|LUL",
    "middle lobe": r"middle(?=\s+(?:and|or|&)\s+(?:\w+\s+){0,3}?lobes?)|middle[\s-]+lobes?|RML",
    "lower lobe": r"lower(?=\s+(?:and|or|&)\s+(?:\w+\s+){0,3}?lobes?)|lower[\s-]+lobes?|RLL|LLL",
    "lingula": r"lingular?",
    "upper zone": r"upper[\s-]+(?:lung(?:[\s-]+(?:zones?|fields?))?|zones?|fields?)",
    "mid zone": r"mid(?:dle)?[\s-]*(?:lungs?(?:[\s-]+(?:zones?|fields?))?|zones?|fields?)",
    "lower zone": r"lower[\s-]+(?:lung(?:[\s-]+(?:zones?|fields?))?|zones?|fields?)",
    "apex": r"apex|apices|(?:bi)?apical",
    "base": r"(?:lung[\s-]+)?bases?|(?:bi)?basilar|(?:bi)?basal",
    "hilum": r"(?:bi|peri|para|supra|infra)?hil(?:um|a|ar)",
    "behind the heart": r"retrocardiac",
    "fissure": r"(?:major|minor|horizontal|oblique)?\s*fissures?|fissural|interlobar",
}
_WORD: Final = re.compile(
    r"(?<![\w-])(?:" + "|".join(f"(?P<p{n}>{words})" for n, words in enumerate(_PLACES.values())) + r")(?!\w)", re.IGNORECASE
)
_NAMES: Final = tuple(_PLACES)
_BREAK: Final = re.compile(
    r"[;:.]|\b(?:but|however|although|though|whereas|while|which|otherwise|compared|no|not|without)\b|,\s*(?:the|there|with)\b",
    re.IGNORECASE,
)
_LIST: Final = re.compile(
    r"\s*(?:,|and/or|and|or|with|&)?\s*(?:and\s+|or\s+)?(?:(?:a|an|some|small|mild|minimal|associated|adjacent|the)\s+)*", re.IGNORECASE
)
_NEXT: Final = re.compile(
    r"\s*(?:,|and|or|&|/)+\s*(?:(?:and|or|in|at|the|lung|right|left|both|bilateral|to|a|lesser|extent)\s+)*", re.IGNORECASE
)
_LINK: Final = re.compile(
    r"\b(?:in|on|at|of|within|to|involving|overlying|over|along|near|affecting|throughout|projecting|is|are|was|were)\b|[(,-]",
    re.IGNORECASE,
)
_TO_SIDE: Final = re.compile(r"[\s-]*(?:(?:sided|lung|mid|medial|lateral|posterior|anterior|and)[\s-]+)?", re.IGNORECASE)
_NEAR: Final = 12
"""Words between a finding and its place at most."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place a sentence names. `side` is None where none is written at it."""

    location: str
    side: Side | None
    start: int
    end: int


@lru_cache(maxsize=4096)
def places(sentence: str) -> tuple[Place, ...]:
    """The places that `sentence` names, in order."""
    return tuple(
        Place(_NAMES[int((match.lastgroup or "p0")[1:])], _side(sentence, match.start(), match.end()), match.start(), match.end())
        for match in _WORD.finditer(sentence)
    )


def _side(sentence: str, start: int, end: int) -> Side | None:
    for word in side_words(sentence):
        inside = word.start < end and start < word.end
        if inside or (word.end <= start and _TO_SIDE.fullmatch(sentence, word.end, start)):
            return word.side
    return None


def places_of(sentence: str, start: int, end: int, others: Sequence[Span] = ()) -> tuple[Place, ...]:
    """The places of the words at [start, end): those among them, else those right before, else those after a word such as "in".

    `others` are the spans of the other findings of the sentence: a place beyond one is this one's only when a list joins the two.
    """
    named = places(sentence)
    within = [place for place in named if start <= place.start and place.end <= end]
    if within:
        return tuple(within)
    reachable = [place for place in named if _reaches(sentence, (start, end), place, others)]
    before = [place for place in reachable if place.end <= start]
    if before:
        return _together(sentence, before[-1:], [place for place in reversed(reachable) if place.end < before[-1].start])
    return _together(sentence, reachable[:1], reachable[1:])


def _together(sentence: str, first: list[Place], rest: list[Place]) -> tuple[Place, ...]:
    """The nearest place with those that a list joins to it ("right upper and left lower lobes")."""
    found = list(first)
    for place in rest:
        low, high = sorted((found[-1], place), key=lambda one: one.start)
        if not _NEXT.fullmatch(sentence, low.end, high.start):
            break
        found.append(place)
    return tuple(sorted(found, key=lambda one: one.start))


def _reaches(sentence: str, span: Span, place: Place, others: Sequence[Span]) -> bool:
    before = place.end <= span[0]
    low, high = (place.end, span[0]) if before else (span[1], place.start)
    if high < low:
        return False
    between = sentence[low:high]
    if _BREAK.search(between) or len(between.split()) > _NEAR:
        return False
    crossed = [other for other in others if low <= other[0] and other[1] <= high]
    if crossed and not _listed(sentence, span, crossed):
        return False
    if before:
        return not _taken(sentence, place, others)
    return _LINK.search(between) is not None


def _listed(sentence: str, span: Span, crossed: Sequence[Span]) -> bool:
    edges = sorted([*crossed, span])
    return all(_LIST.fullmatch(sentence, one[1], two[0]) for one, two in itertools.pairwise(edges))


def _taken(sentence: str, place: Place, others: Sequence[Span]) -> bool:
    """Whether an earlier finding has the place already: "opacity in the left base and nodule"."""
    return any(end <= place.start and _links(sentence, end, place.start) for _, end in others)


def _links(sentence: str, start: int, end: int) -> bool:
    return _LINK.search(sentence, start, end) is not None and _BREAK.search(sentence, start, end) is None


def each(found: Sequence[Place], side: Side | None) -> Iterator[tuple[Side | None, str | None]]:
    """(side, location) of a finding at `found`; its own side where a place has none, and the side alone where there is no place."""
    if not found:
        yield side, None
    for place in found:
        yield place.side or side, place.location
