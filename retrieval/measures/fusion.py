"""How much weight the image and the report have in a fused distance, fitted on the library itself.

Cases are asked as if they were new (`retrieval.measures.held_out`), and a weight is as good as its ranking: the mean nDCG of the first
five neighbours by the findings they share with the case. The measure is a mean over few hundred cases, so weights differ by
chance; of those that cannot be told apart from the best by one standard error of their paired difference (Breiman et al.,
"Classification and Regression Trees", 1984), the one nearest to an even voice is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.generation.stack import Stack
from retrieval.measures.held_out import Block, Rows, blocks, living, sample
from retrieval.measures.relevance import FindingSets, Floats, ndcg
from retrieval.vectors import Vectors

EVEN = 0.5
GRID = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Never 0 or 1: a fused query keeps both voices."""
LEAST = 200
"""Fewer cases say nothing of a weight."""
QUERIES = 400
CANDIDATES = 20_000
"""Ranked rows at most: which weight is best hardly depends on how densely the library is filled."""
FIRST = 5


@dataclass(frozen=True, slots=True)
class Fitted:
    """The weight of the image, the gain of each weight tried, on how many cases, and in words why."""

    weight: float
    gain: tuple[tuple[float, float], ...]
    """(weight, mean nDCG of the first five)."""
    queries: int
    reason: str


def fit_weight(stack: Stack, *, near_duplicate_bits: int) -> Fitted:
    """The weight of the image under which neighbours share most findings; .5 where the library cannot say.

    Args:
        stack: The library's rows; what is gone neither asks nor answers.
        near_duplicate_bits: See `retrieval.searching.exclusions.eligible`.
    """
    rows = living(stack)
    if len(rows) < LEAST:
        return Fitted(EVEN, (), 0, f"even: {len(rows)} cases are too few to fit a weight")
    if len(np.unique(stack.columns.findings.codes[rows])) < 2:
        return Fitted(EVEN, (), 0, "even: all cases have the same findings")
    gains = _gains(stack, rows, near_duplicate_bits)
    if not len(gains):
        return Fitted(EVEN, (), 0, "even: no case shares a finding with another")
    weight = _nearest_to_even(gains)
    curve = tuple((one, round(float(gain), 4)) for one, gain in zip(GRID, gains.mean(0), strict=True))
    return Fitted(weight, curve, len(gains), f"fitted on {len(gains)} held-out cases by the findings their neighbours share")


def _gains(stack: Stack, rows: Rows, near_duplicate_bits: int) -> Floats:
    """[queries, weights] nDCG; without the queries for which no ranking has any gain."""
    candidates = sample(rows, CANDIDATES)
    vectors = stack.vectors(candidates)
    measured = [
        row for block in blocks(stack, sample(rows, QUERIES), near_duplicate_bits) for row in _of_block(stack, block, candidates, vectors)
    ]
    return np.array(measured, dtype=np.float64).reshape(-1, len(GRID))


def _of_block(stack: Stack, block: Block, candidates: Rows, vectors: Vectors) -> list[list[float]]:
    image, text = (_cosines(stack, block, vectors, kind) for kind in ("image", "text"))
    codes, sets = stack.columns.findings.codes, FindingSets(stack.columns.findings.values)
    found = []
    for place, row in enumerate(block.rows):
        may = block.kept[place].mask(stack.cases)[candidates]
        shares = sets.shared_with(int(codes[row]))[codes[candidates][may]]
        gains = [ndcg(shares[_first(w * image[place][may] + (1 - w) * text[place][may])], shares, FIRST) for w in GRID]
        found.append([gain for gain in gains if gain is not None])
    return [row for row in found if row]


def _cosines(stack: Stack, block: Block, vectors: Vectors, kind: str) -> NDArray[np.float32]:
    part = stack.dimensions.columns("image" if kind == "image" else "text")
    return np.asarray(block.vectors[:, part] @ vectors[:, part].T, dtype=np.float32)


def _first(similarities: NDArray[np.float32]) -> NDArray[np.intp]:
    """Places of the five highest, highest first; equal ones in their order."""
    few = np.argpartition(-similarities, FIRST)[:FIRST] if len(similarities) > FIRST else np.arange(len(similarities))
    return np.asarray(few[np.lexsort((few, -similarities[few]))], dtype=np.intp)


def _nearest_to_even(gains: Floats) -> float:
    """Of the weights that are not told apart from the best, the one nearest to .5; of two as near, the better."""
    means = gains.mean(0)
    lost = gains[:, [int(means.argmax())]] - gains
    tied = lost.mean(0) <= lost.std(0) / np.sqrt(len(gains))
    return min((one for one, tie in zip(GRID, tied, strict=True) if tie), key=lambda one: (abs(one - EVEN), -means[GRID.index(one)]))
