"""What a study of the case index is run on: cases whose findings somebody else named, divided by person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retrieval.cards import SourceCase
from retrieval.generation.columns import finding_set
from retrieval.keys import Keyring

Reports = Literal["written", "composed", "labels"]
"""Whether the report's text was written of the image, composed of what is known of the acquisition, or only repeats the labels.
A text that repeats the labels finds cases of equal labels by itself, and says nothing of a search by text."""


@dataclass(frozen=True, slots=True)
class CaseSet:
    """Cases of one source, and what its figures may say."""

    name: str
    words: str
    keyring: Keyring
    """Made the cases' keys."""
    cases: tuple[SourceCase, ...]
    reports: Reports = "written"
    questions: tuple[tuple[str, str], ...] = ()
    """(question with its answer, key of the case it was asked of)."""
    held_to_rank: bool = False
    """Whether it is a floor that neighbours share more with a query here than by chance: on what the encoder was made for."""

    @property
    def ranks(self) -> bool:
        """Whether the cases differ in their findings at all, so that one ranking can be better than another."""
        return len({finding_set(case.card) for case in self.cases}) > 1


@dataclass(frozen=True, slots=True)
class Caption:
    """A text with what it speaks of. `source` is the paper it is taken from: captions of one paper are not independent."""

    text: str
    concepts: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True)
class CaptionSet:
    """Texts without images."""

    name: str
    words: str
    captions: tuple[Caption, ...]


@dataclass(frozen=True, slots=True)
class Divided:
    """Cases of the library and cases to ask with. Nobody has cases in both."""

    library: tuple[SourceCase, ...]
    queries: tuple[SourceCase, ...]


def divided(cases: Sequence[SourceCase], queries: int, seed: int = 0) -> Divided:
    """Cases of persons drawn by chance to ask with, until there are `queries` or a third of all; the others make the library.

    Identifiers that are linked count as one person.
    """
    persons = _persons(cases)
    sizes, wanted = Counter(persons), min(queries, len(cases) // 3)
    chosen, asked = set[int](), 0
    for person in np.random.default_rng(seed).permutation(len(sizes)).tolist():
        if asked >= wanted:
            break
        chosen.add(person)
        asked += sizes[person]
    pairs = list(zip(cases, persons, strict=True))
    return Divided(tuple(case for case, person in pairs if person not in chosen), tuple(case for case, person in pairs if person in chosen))


def _persons(cases: Sequence[SourceCase]) -> list[int]:
    """A number for the person of each case, from 0 without gaps; cases with a key in common have the same."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for case in cases:
        for key in case.card.linked:
            parent[root(key)] = root(case.card.person)
    roots = [root(case.card.person) for case in cases]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(roots))}
    return [numbers[name] for name in roots]
