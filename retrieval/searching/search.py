"""Finds similar cases on any shelf: exclusions before distances, then the calibrated threshold, then variety, then the cards.

A shelf is an index in a folder or in a server. It is trusted with order and distances alone: each card it hands out is checked
against its vector there, and once more here against the rules of the query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import CaseCard, Neighbour, Query, SearchResult
from retrieval.errors import IndexCorrupt, OtherSite, QueryRefused
from retrieval.generation.manifest import Manifest, Threshold
from retrieval.searching.comparison import differs, shared
from retrieval.searching.exclusions import violated
from retrieval.searching.variety import REPEAT_SHARE, Trait, distinct, varied
from retrieval.vectors import Dimensions, ask

__all__ = ["LARGEST_K", "LARGEST_LOOK", "Found", "Shelf", "Terms", "Trait", "search"]

LARGEST_K = 100
LARGEST_LOOK = 12_800
"""Rows looked at in search of variety at most: behind as many copies of one case, fewer neighbours are the answer."""
_FIRST_LOOK = 50
_CANDIDATES = 8
"""Variety chooses each neighbour among so many different cases."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an index says of itself, and a search must know."""

    generation: str
    """SHA-256 of its manifest."""
    thresholds: Mapping[str, Threshold]
    """By kind of query."""
    coverage: float
    near_duplicate_bits: int
    image_weight: float
    """Of the image's cosine in a fused distance."""
    one_space: bool
    """Whether a picture may be looked for by words. No query does so unasked: each part is compared with its own columns."""
    dimensions: Dimensions
    key_check: str
    """`Keyring.check` of the keyring that made the index's keys."""
    notice: str = ""

    @classmethod
    def of(cls, manifest: Manifest, generation: str, notice: str = "") -> Terms:
        """What the manifest of an index, whose SHA-256 is `generation`, says."""
        return cls(
            generation=generation,
            thresholds=manifest.thresholds,
            coverage=manifest.coverage,
            near_duplicate_bits=manifest.near_duplicate_bits,
            image_weight=manifest.image_weight,
            one_space=manifest.one_space,
            dimensions=manifest.dimensions,
            key_check=manifest.key_check,
            notice=notice,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The nearest rows that a query may find."""

    rows: NDArray[np.int64]
    """[m], nearest first, ties by row; never -1."""
    distances: NDArray[np.float32]
    """[m], 1 - cosine, 0..2."""
    traits: tuple[Trait, ...]
    """[m]"""
    searched: int
    """Cases that remained after exclusions and filters."""
    excluded: tuple[tuple[str, int], ...]
    """(why, how many)."""
    plan: str
    plan_reason: str


class Shelf(Protocol):
    """An index that can be searched."""

    @property
    def terms(self) -> Terms:
        """What the index says of itself."""
        ...

    def nearest(self, query: Query, limit: int) -> Found:
        """The `limit` nearest rows that `query` may find, fewer when fewer remain.

        Raises:
            QueryRefused: see `search`.
        """
        ...

    def card(self, row: int) -> CaseCard:
        """The card of a row that was found.

        Raises:
            IndexCorrupt: when it is not the card that was written with the row's vector.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A found row that will be shown."""

    row: int
    distance: float


def search(query: Query, shelf: Shelf) -> SearchResult:
    """The cases most similar to `query`, nearest first, at most `query.k`.

    Never of the bound patient or study, never a near-duplicate of its image or report, never from after `query.as_of`; each
    neighbour within the calibrated threshold; at most one of equal or near-equal reports or images; and of nearly equal
    distances the case with another set of findings comes first, so that ten copies of one normal report are not ten neighbours.

    Raises:
        QueryRefused: no vector, a broken one, a key that is none, or `k` outside 1..100.
        OtherSite: the query's keys are another keyring's, so nobody would be recognised.
        IndexCorrupt: a card does not belong to the vector that was found, or breaks a rule that had excluded its row.
        CardsUnreachable: the database that keeps the cards does not answer.
    """
    terms = shelf.terms
    _check(query, terms)
    kind = ask(query.image, query.text, terms.image_weight, terms.dimensions).kind
    threshold = terms.thresholds[kind]
    found, chosen = _chosen(query, shelf, threshold.distance, terms.near_duplicate_bits)
    neighbours = tuple(_neighbour(one, query, shelf, terms.near_duplicate_bits) for one in chosen)
    return SearchResult(
        neighbours=neighbours,
        comparable=bool(neighbours),
        reason=_reason(len(neighbours), found, threshold),
        searched=found.searched,
        excluded=found.excluded,
        plan=found.plan,
        plan_reason=found.plan_reason,
        threshold=round(threshold.distance or 0.0, 2),
        coverage=terms.coverage,
        generation=terms.generation,
        notice=terms.notice,
    )


def _check(query: Query, terms: Terms) -> None:
    if not 1 <= query.k <= LARGEST_K:
        raise QueryRefused(f"k is not between 1 and {LARGEST_K}")
    keyed = bool(query.key_check or query.persons or query.studies or query.report_hash is not None)
    if keyed and query.key_check != terms.key_check:
        raise OtherSite("the query's keys are not of the keyring this index was made with")


def _chosen(query: Query, shelf: Shelf, threshold: float | None, bits: int) -> tuple[Found, list[_Chosen]]:
    """Looks at ever more of the nearest rows until there is enough to choose from, the threshold is passed, or none is left."""
    most = _CANDIDATES * query.k
    look = max(_FIRST_LOOK, most)
    while True:
        found = shelf.nearest(query, look)
        near = int(np.searchsorted(found.distances, -1 if threshold is None else threshold, side="right"))
        candidates = distinct(found.traits[:near], bits, most)
        if len(candidates) == most or near < len(found.rows) or len(found.rows) < look or look == LARGEST_LOOK:
            break
        look = min(look * 4, LARGEST_LOOK)
    away = [float(found.distances[position]) for position in candidates]
    findings = [found.traits[position].findings for position in candidates]
    picked = varied(away, findings, query.k, REPEAT_SHARE * (threshold or 0.0))
    return found, [_Chosen(int(found.rows[candidates[each]]), away[each]) for each in picked]


def _neighbour(one: _Chosen, query: Query, shelf: Shelf, bits: int) -> Neighbour:
    card = shelf.card(one.row)
    rule = violated(card, query, bits)
    if rule is not None:
        raise IndexCorrupt(f"a case was found that the query excludes: {rule}", where=f"row {one.row}")
    return Neighbour(card, round(one.distance, 2), shared(card, query), differs(card, query))


def _reason(neighbours: int, found: Found, threshold: Threshold) -> str:
    if neighbours:
        return f"{neighbours} comparable {'case' if neighbours == 1 else 'cases'}"
    if not len(found.rows):
        return "no comparable cases: none remained after exclusions and filters"
    if threshold.distance is None:
        return f"no comparable cases: with {threshold.queries} cases the library is too small to say what is comparable"
    return f"no comparable cases: the nearest is at {found.distances[0]:.2f}, beyond the calibrated {threshold.distance:.2f}"
