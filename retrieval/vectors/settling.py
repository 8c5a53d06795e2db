"""The last word on candidates: each scored again in float64, sorted by distance and row, cut to what was asked for.

The sum of a row's products does not depend on what stands beside it, so a case has one distance to a query, whichever plan found
it: alone or in a batch, through a filter or an index, on a CPU or a GPU.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from retrieval.vectors.asked import Vectors
from retrieval.vectors.engine import Pairs
from retrieval.vectors.exact import slack
from retrieval.vectors.kept import Rows

_AT_ONCE = 8_192
"""Candidates scored at once: bounds the memory when ten thousand cases tie."""


def narrow(part: Vectors, queries: Vectors, pairs: Pairs, limit: int) -> Pairs:
    """Of many candidates those that may be among the `limit` nearest, by products in float32; pairs sorted by query.

    Cheaper than to settle all, by a third of a search that fetches ten times what was asked for.
    """
    ends = np.searchsorted(pairs.query, np.arange(len(queries) + 1)).tolist()
    allowed = slack(queries).tolist()
    near = np.ones(len(pairs.query), dtype=bool)
    for number, (first, last) in enumerate(itertools.pairwise(ends)):
        if last - first > limit:
            products = part[pairs.position[first:last]] @ queries[number]
            near[first:last] = products >= np.partition(products, last - first - limit)[last - first - limit] - allowed[number]
    return Pairs(pairs.query[near], pairs.position[near])


def settle(part: Vectors, queries: Vectors, pairs: Pairs, limits: Sequence[int]) -> list[tuple[Rows, Vectors]]:
    """For each query the nearest rows of its candidates with their distances (1 - cosine, 0..2); ties by row.

    Args:
        part: The rows' columns that are compared, [n, columns].
        queries: [q, columns].
        pairs: Candidates; positions are rows of `part`.
        limits: How many rows each query gets at most.
    """
    starts = range(0, max(1, len(pairs.query)), _AT_ONCE)
    scored = [_distances(part, queries, pairs, start) for start in starts]
    distances = scored[0] if len(scored) == 1 else np.concatenate(scored)
    order = np.lexsort((pairs.position, distances, pairs.query))
    ends = [0, len(order)] if len(queries) == 1 else np.searchsorted(pairs.query[order], np.arange(len(queries) + 1)).tolist()
    chosen = [order[first : min(last, first + limit)] for first, last, limit in zip(ends[:-1], ends[1:], limits, strict=True)]
    return [(pairs.position[one], distances[one]) for one in chosen]


def _distances(part: Vectors, queries: Vectors, pairs: Pairs, start: int) -> Vectors:
    stop = start + _AT_ONCE
    rows = part[pairs.position[start:stop]].astype(np.float64)
    rows *= queries if len(queries) == 1 else queries[pairs.query[start:stop]]
    distances = 1 - rows.sum(axis=1)
    return np.asarray(np.minimum(np.maximum(distances, 0, out=distances), 2, out=distances), dtype=np.float32)
