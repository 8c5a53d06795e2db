"""Does a search say "no comparable cases" when it should, and only then?

Of new cases like the library's, the stated share is to be called comparable; of what is unlike them, little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.asking import AFTER_ALL, Asking, persons, query
from evaluation.intervals import NOTHING, Figure, mean_by_person
from retrieval.cards import Query
from retrieval.library import Library
from retrieval.vectors import Kind, Vectors
from tools.med_vlm.compact.measuring.measure import proportion


@dataclass(frozen=True, slots=True)
class Covered:
    """Share of held-out cases that were called comparable, beside what the library states."""

    kind: Kind
    covered: Figure
    stated: float
    threshold: float | None
    """Distance, 1 - cosine; None when the library is too small to have one, and nothing is comparable."""


@dataclass(frozen=True, slots=True)
class Strangers:
    """What is unlike a library's cases: vectors of one kind, and what they are in words."""

    name: str
    kind: Kind
    vectors: tuple[Vectors, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Share of strangers for which nothing was called comparable."""

    name: str
    kind: Kind
    refused: Figure


def coverage(library: Library, asked: Sequence[Asking], check: str, kinds: Sequence[Kind]) -> tuple[Covered, ...]:
    """How often held-out cases of the library's own kind are called comparable."""
    stated, thresholds = library.manifest.coverage, library.manifest.thresholds
    return tuple(
        Covered(
            kind,
            mean_by_person([float(library.search(query(one, kind, check, k=1)).comparable) for one in asked], persons(asked)),
            stated,
            thresholds[kind].distance,
        )
        for kind in kinds
    )


def refusals(library: Library, strangers: Sequence[Strangers]) -> tuple[Refused, ...]:
    """How often what is unlike the library is refused. Each stranger stands for itself: Wilson's interval."""
    return tuple(Refused(some.name, some.kind, _refused(library, some)) for some in strangers)


def _refused(library: Library, some: Strangers) -> Figure:
    image = some.kind == "image"
    asked = [Query(image=one if image else None, text=None if image else one, as_of=AFTER_ALL, k=1) for one in some.vectors]
    share = proportion(sum(not library.search(one).comparable for one in asked), len(asked))
    return Figure(share.value, share.low, share.high, share.total, share.total) if asked else NOTHING
