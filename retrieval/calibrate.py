"""How near is near: a split-conformal threshold on the distance to the nearest case.

Cases of the library itself are asked as if they were new: each is held out with its whole person, its study, its
near-duplicates and its equal reports, just as a search would exclude them. The threshold is the ceil((n + 1) coverage)-th
smallest of their n nearest distances (Vovk et al., "Algorithmic Learning in a Random World", 2005; Angelopoulos and Bates,
"A Gentle Introduction to Conformal Prediction", 2021). A new case exchangeable with the library's stays under it with at least
the stated coverage; the guarantee is marginal, approximate in that the held-out cases share one library, and says nothing of
cases unlike the library's. Those, it is meant to refuse.
"""

from __future__ import annotations

import math
from datetime import date

import numpy as np
from numpy.typing import NDArray

from retrieval.cards import Query
from retrieval.exclusions import eligible
from retrieval.manifest import Threshold
from retrieval.store import Columns
from retrieval.vectors import KINDS, Kind, VectorTable

COVERAGE = 0.95
QUERIES = 500
"""Held-out queries at most: the threshold's own error at 500 is about one percentage point of coverage."""
_BLOCK = 64


def calibrate(table: VectorTable, columns: Columns, *, near_duplicate_bits: int, coverage: float = COVERAGE) -> dict[str, Threshold]:
    """A threshold for each kind of query. The sample of held-out queries is fixed by the size of the library."""
    sample = np.sort(np.random.default_rng(table.cases).permutation(table.cases)[:QUERIES])
    nearest: dict[Kind, list[float]] = {kind: [] for kind in KINDS}
    for start in range(0, len(sample), _BLOCK):
        block = sample[start : start + _BLOCK]
        keep = np.stack([eligible(columns, _held_out(columns, int(row)), near_duplicate_bits).keep for row in block])
        for kind in KINDS:
            nearest[kind].extend(_nearest(table, kind, block, keep))
    return {kind: _threshold(kind, nearest[kind], coverage) for kind in KINDS}


def conformal_quantile(distances: list[float], coverage: float) -> float | None:
    """The ceil((n + 1) coverage)-th smallest distance; None when n is too small for the coverage, or it would be infinite."""
    rank = math.ceil((len(distances) + 1) * coverage)
    if rank > len(distances):
        return None
    value = sorted(distances)[rank - 1]
    return value if math.isfinite(value) else None


def _held_out(columns: Columns, row: int) -> Query:
    return Query(
        image=None,
        text=None,
        as_of=date.max,
        persons=frozenset({str(columns.person[row])}),
        studies=frozenset({str(columns.study[row])}),
        image_hash=int(columns.image_hash[row]),
        report_hash=str(columns.report_hash[row]),
    )


def _nearest(table: VectorTable, kind: Kind, block: NDArray[np.int64], keep: NDArray[np.bool_]) -> list[float]:
    """Distance of each row of `block` to its nearest kept row; infinite where none is kept."""
    part, factor = table.part(kind)
    products = part[block] @ part.T
    # a stored row is its part times 1 / factor, so the product of two stored rows takes the factor twice
    distances = np.clip(1 - products * factor**2, 0, 2)
    return [float(value) for value in np.where(keep, distances, np.inf).min(axis=1)]


def _threshold(kind: Kind, distances: list[float], coverage: float) -> Threshold:
    return Threshold(kind=kind, distance=conformal_quantile(distances, coverage), queries=len(distances))
