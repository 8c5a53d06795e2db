"""How near is near: a split-conformal threshold on the distance to the nearest case.

Cases of the library itself are asked as if they were new: each is held out with its whole person, its study, its
near-duplicates and its equal reports, just as a search would exclude them (`retrieval.measures.held_out`). The threshold is the
ceil((n + 1) coverage)-th smallest of their n nearest distances (Vovk et al., "Algorithmic Learning in a Random World", 2005;
Angelopoulos and Bates, "A Gentle Introduction to Conformal Prediction", 2021). A new case exchangeable with the library's
stays under it with at least the stated coverage; the guarantee is marginal, approximate in that the held-out cases share one
library, and says nothing of cases unlike the library's. Those, it is meant to refuse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from retrieval.generation.manifest import Threshold
from retrieval.generation.stack import Stack
from retrieval.measures.held_out import asked_again, blocks, living, sample
from retrieval.vectors import KINDS, Kind, Scan

COVERAGE = 0.95
QUERIES = 500
"""Held-out queries at most: the threshold's own error at 500 is about one percentage point of coverage."""


def calibrate(stack: Stack, *, near_duplicate_bits: int, weight: float, coverage: float = COVERAGE) -> dict[str, Threshold]:
    """A threshold on 1 - cosine for each kind of query, measured on at most 500 cases of the library.

    Args:
        stack: The library's rows; what is gone neither asks nor answers.
        near_duplicate_bits: See `retrieval.searching.exclusions.eligible`.
        weight: Share of the image in a fused distance.
        coverage: Share of new cases, exchangeable with these, that are to stay under the threshold.
    """
    nearest: dict[Kind, list[float]] = {kind: [] for kind in KINDS}
    for block in blocks(stack, sample(living(stack), QUERIES), near_duplicate_bits):
        for kind in KINDS:
            asked = asked_again(block.vectors, kind, weight, stack.dimensions)
            nearest[kind].extend(map(_first, stack.scan_many(asked, block.kept, 1)))
    return {kind: _threshold(kind, nearest[kind], coverage) for kind in KINDS}


def conformal_quantile(distances: Sequence[float], coverage: float) -> float | None:
    """The ceil((n + 1) coverage)-th smallest distance; None when n is too small for the coverage, or it would be infinite."""
    rank = math.ceil((len(distances) + 1) * coverage)
    if rank > len(distances):
        return None
    value = sorted(distances)[rank - 1]
    return value if math.isfinite(value) else None


def _first(scan: Scan) -> float:
    """Distance of the nearest row; infinite where none was left."""
    return float(scan.distances[0]) if len(scan.distances) else math.inf


def _threshold(kind: Kind, distances: Sequence[float], coverage: float) -> Threshold:
    return Threshold(kind=kind, distance=conformal_quantile(distances, coverage), queries=len(distances))
