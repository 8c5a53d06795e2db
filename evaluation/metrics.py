"""Measures of one ranked answer, each with a worked example in its test; `retrieval.measures.relevance` holds the gain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def precision(relevances: Sequence[float], first: int) -> float | None:
    """Share of the `first` ranked that share a finding with the query; of fewer where there are fewer, None where there are none."""
    shown = relevances[:first]
    return sum(relevance > 0 for relevance in shown) / len(shown) if len(shown) else None


def first_hit(hits: Sequence[bool]) -> int | None:
    """Rank, from 1, of the first hit; None where there is none."""
    return next((rank for rank, hit in enumerate(hits, start=1) if hit), None)


def found_within(rank: int | None, first: int) -> float:
    """1 where the first hit stands among the `first` ranked, else 0: its mean is R@k for queries with one item to find."""
    return float(rank is not None and rank <= first)


def median_rank(ranks: Sequence[int | None], worst: int) -> float | None:
    """The median of ranks, those without a hit counting as `worst`; None without any query."""
    return float(np.median([worst if rank is None else rank for rank in ranks])) if ranks else None
