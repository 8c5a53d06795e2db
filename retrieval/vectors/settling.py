"""The last word on candidates: each scored again in float64, sorted by distance and row, cut to what was asked for.

The sum of a row's products does not depend on what stands beside it, so a case has one distance to a query, whichever plan found
it: alone or in a batch, through a filter or an index, on a CPU or a GPU.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.vectors.asked import Vectors
from retrieval.vectors.codes import Looked
from retrieval.vectors.engine import Pairs
from retrieval.vectors.exact import slack
from retrieval.vectors.kept import Rows

STANDS_OUT = 4.0
"""Standard deviations of what the codes of one query err by. Measured over a million rows (docs/log.md): above it at least .99 of the
nearest were found under filters that keep what is like the query, unlike it, or anything."""
_AT_ONCE = 8_192
"""Candidates scored at once: bounds the memory when ten thousand cases tie."""


def narrow(part: Vectors, queries: Vectors, looked: Looked, limit: int, ranks: Sequence[int]) -> tuple[Pairs, NDArray[np.bool_]]:
    """Of many candidates those that may be among the `limit` nearest, by products in float32; and which queries can be sure of them.

    Cheaper than to settle all, by a third of a search that fetches ten times what was asked for. A query is sure where the last
    neighbour it needs stands out from all that was not fetched by `STANDS_OUT` times what the codes err by.

    Args:
        part: The rows' columns that are compared, [n, columns].
        queries: [q, columns].
        looked: Candidates, sorted by query; without scores every query is sure.
        limit: How many are asked for.
        ranks: How many of them each query needs, `limit` at most.
    """
    pairs = looked.pairs
    ends = _ends(pairs.query, len(queries))
    near, sure = np.ones(len(pairs.query), dtype=bool), np.ones(len(queries), dtype=bool)
    for number, (first, last) in enumerate(itertools.pairwise(ends)):
        if (over := last - first - limit) > 0:
            products = _at(part, pairs.position[first:last]) @ queries[number]
            needed = last - first - ranks[number]
            ordered = np.partition(products, (over, needed))
            near[first:last] = products >= ordered[over] - slack(queries[number])
            if looked.scores is not None:
                sure[number] = _stands_out(ordered[needed], products, looked.scores[first:last])
    return Pairs(pairs.query[near], pairs.position[near]), sure


def _stands_out(last: np.float32, products: Vectors, scores: Vectors) -> bool:
    """Whether the last neighbour's product stands out from the worst score fetched, which no other row's score is over."""
    errors = products - scores
    mean = float(errors.sum()) / len(errors)
    return float(last - scores[-1]) >= STANDS_OUT * math.sqrt(max(0.0, float(errors @ errors) / len(errors) - mean**2))


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
    ends = _ends(pairs.query[order], len(queries))
    chosen = [order[first : min(last, first + limit)] for first, last, limit in zip(ends[:-1], ends[1:], limits, strict=True)]
    return [(pairs.position[one], distances[one]) for one in chosen]


def _ends(sorted_queries: Rows, count: int) -> list[int]:
    """[count + 1] where the pairs of each query begin, and where those of the last end."""
    return [0, len(sorted_queries)] if count == 1 else np.searchsorted(sorted_queries, np.arange(count + 1)).tolist()


def _at(part: Vectors, positions: Rows) -> Vectors:
    """Copies of rows: `take` makes them in two thirds of the time, but of a part that does not lie together it copies all first."""
    return part.take(positions, axis=0) if part.flags.c_contiguous else part[positions]


def _distances(part: Vectors, queries: Vectors, pairs: Pairs, start: int) -> Vectors:
    stop = start + _AT_ONCE
    rows = _at(part, pairs.position[start:stop]).astype(np.float64)
    rows *= queries if len(queries) == 1 else queries[pairs.query[start:stop]]
    distances = 1 - rows.sum(axis=1)
    return np.asarray(np.minimum(np.maximum(distances, 0, out=distances), 2, out=distances), dtype=np.float32)
