"""Finds similar cases: exclusions first, then an exact scan, then the calibrated threshold, then variety."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from retrieval.cards import CaseCard, Neighbour, Query, SearchResult
from retrieval.comparison import differs, shared
from retrieval.errors import QueryRefused
from retrieval.exclusions import Eligible, eligible
from retrieval.manifest import Manifest, Threshold
from retrieval.store import CardStore, Columns
from retrieval.vectors import Kind, Scan, VectorTable

REPEAT_COST = 0.05
"""How much nearer a case must be for each neighbour already chosen with the same set of findings."""
LARGEST_K = 100
_FIRST_LOOK = 8


def search(
    query: Query, *, manifest: Manifest, sha256: str, table: VectorTable, store: CardStore, columns: Columns, notice: str = ""
) -> SearchResult:
    """The cases most similar to `query`, nearest first, at most `query.k`.

    Never of the bound patient or study, never a near-duplicate of its image or report, never from after `query.as_of`; each
    neighbour within the calibrated threshold; at most one of equal reports or equal images; and of nearly equal distances the
    case with another set of findings comes first, so that ten copies of one normal report are not ten neighbours.

    Raises:
        QueryRefused: no vector, a broken one, or `k` outside 1..100.
        IndexCorrupt: a card does not belong to the vector that was found.
    """
    if not 1 <= query.k <= LARGEST_K:
        raise QueryRefused(f"k is not between 1 and {LARGEST_K}")
    allowed = eligible(columns, query, manifest.near_duplicate_bits)
    threshold = manifest.thresholds[_kind(query)]
    neighbours, scan = _neighbours(table, store, query, allowed, threshold.distance)
    return SearchResult(
        neighbours=neighbours,
        comparable=bool(neighbours),
        reason=_reason(len(neighbours), scan, threshold),
        searched=int(allowed.keep.sum()),
        excluded=allowed.excluded,
        plan=scan.plan,
        plan_reason=scan.plan_reason,
        threshold=round(threshold.distance or 0.0, 2),
        coverage=manifest.coverage,
        generation=sha256,
        notice=notice,
    )


def _kind(query: Query) -> Kind:
    if query.image is not None and query.text is not None:
        return "fused"
    return "text" if query.image is None else "image"


def _neighbours(
    table: VectorTable, store: CardStore, query: Query, allowed: Eligible, threshold: float | None
) -> tuple[tuple[Neighbour, ...], Scan]:
    """Looks at ever more of the nearest rows until variety is satisfied, the threshold is passed, or none is left."""
    look = max(50, _FIRST_LOOK * query.k)
    while True:
        scan = table.scan(query.image, query.text, allowed.keep, look)
        near = scan.rows[scan.distances <= (-1 if threshold is None else threshold)]
        cards = list(_distinct(store, table, near))
        if len(cards) >= _FIRST_LOOK * query.k or len(near) < len(scan.rows) or len(scan.rows) < look:
            break
        look *= 4
    distance = dict(zip(scan.rows.tolist(), scan.distances.tolist(), strict=True))
    chosen = _varied([(distance[row], card) for row, card in cards], query.k)
    return tuple(Neighbour(card, round(away, 2), shared(card, query), differs(card, query)) for away, card in chosen), scan


def _distinct(store: CardStore, table: VectorTable, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Iterator[tuple[int, CaseCard]]:
    """The first card of each report and of each image, in the order of `rows`; every card checked against its vector."""
    reports: set[str] = set()
    images: set[int] = set()
    for row in rows.tolist():
        card = store.card(row, table.rows[row])
        if card.report_hash not in reports and card.image_hash not in images:
            yield row, card
        reports.add(card.report_hash)
        images.add(card.image_hash)


def _varied(candidates: list[tuple[float, CaseCard]], k: int) -> list[tuple[float, CaseCard]]:
    """The nearest, then one after the other the case with the least distance plus cost of repetition; nearest first."""
    rest = list(candidates)
    chosen: list[tuple[float, CaseCard]] = []
    repeats: Counter[frozenset[str]] = Counter()
    while rest and len(chosen) < k:
        best = min(range(len(rest)), key=lambda n: rest[n][0] + REPEAT_COST * repeats[_set(rest[n][1])])
        chosen.append(rest.pop(best))
        repeats[_set(chosen[-1][1])] += 1
    return sorted(chosen, key=lambda pair: pair[0])


def _set(card: CaseCard) -> frozenset[str]:
    return frozenset(finding.key for finding in card.findings)


def _reason(found: int, scan: Scan, threshold: Threshold) -> str:
    if found:
        return f"{found} comparable {'case' if found == 1 else 'cases'}"
    if not len(scan.rows):
        return "no comparable cases: none remained after exclusions and filters"
    if threshold.distance is None:
        return f"no comparable cases: with {threshold.queries} cases the library is too small to say what is comparable"
    return f"no comparable cases: the nearest is at {scan.distances[0]:.2f}, beyond the calibrated {threshold.distance:.2f}"
