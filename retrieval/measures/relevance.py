"""How much two cases share, and how good a ranking is by that.

The measure is made from the findings that two reports state, and so it is as good as whoever read them out; it says which
ranking is better, never that a neighbour is clinically relevant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FindingSets:
    """Sets of findings, each written as `retrieval.generation.columns` does: sorted keys joined by commas, empty for none."""

    values: tuple[str, ...]

    @cached_property
    def _members(self) -> Floats:
        """[sets, findings] 1 where the set holds the finding."""
        sets = [frozenset(value.split(",")) - {""} for value in self.values]
        names = {name: place for place, name in enumerate(sorted(frozenset().union(*sets)))}
        members = np.zeros((len(sets), len(names)))
        for row, findings in enumerate(sets):
            members[row, [names[name] for name in findings]] = 1
        return members

    def shared_with(self, which: int) -> Floats:
        """[sets] What each shares with the set number `which`: common findings over all findings of the two (Jaccard).

        1 for two sets without findings: of a normal case, a normal case is what one looks for.
        """
        common = self._members @ self._members[which]
        sizes = self._members.sum(1)
        union = sizes + sizes[which] - common
        return np.asarray(np.divide(common, union, out=np.ones_like(union), where=union > 0), dtype=np.float64)


def discounted(relevances: Sequence[float] | Floats) -> float:
    """Discounted cumulative gain of relevances, best rank first: sum of relevance / log2(rank + 1).

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002.
    """
    ranks = np.arange(2, len(relevances) + 2)
    return float((np.asarray(relevances, dtype=np.float64) / np.log2(ranks)).sum())


def ndcg(ranked: Sequence[float] | Floats, all_relevances: Sequence[float] | Floats, first: int) -> float | None:
    """Gain of the `first` ranked over the best gain that any ranking of `all_relevances` could have; None where that is 0."""
    best = discounted(np.sort(np.asarray(all_relevances, dtype=np.float64))[::-1][:first])
    return discounted(ranked[:first]) / best if best > 0 else None
