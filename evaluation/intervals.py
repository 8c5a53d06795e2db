"""Means with intervals that know who belongs together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 1_000
_COVERED = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95 % interval, and over how many queries of how many persons. None where nothing was to be measured."""

    value: float | None
    low: float | None
    high: float | None
    queries: int
    persons: int


NOTHING = Figure(None, None, None, 0, 0)


def mean_by_person(values: Sequence[float | None], persons: Sequence[Hashable], *, seed: int = 0, rounds: int = ROUNDS) -> Figure:
    """The mean of `values` with a percentile bootstrap interval over persons (Efron and Tibshirani, 1993).

    Queries of one person are alike, so persons are drawn with replacement, each with all its queries. Values that are None
    were not to be measured and count nowhere.
    """
    known = [(value, person) for value, person in zip(values, persons, strict=True) if value is not None]
    if not known:
        return NOTHING
    names = {person: place for place, person in enumerate(dict.fromkeys(person for _, person in known))}
    sums, counts = np.zeros(len(names)), np.zeros(len(names))
    for value, person in known:
        sums[names[person]] += value
        counts[names[person]] += 1
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds)
    low, high = np.quantile(drawn @ sums / (drawn @ counts), _COVERED)
    return Figure(float(sums.sum() / counts.sum()), float(low), float(high), len(known), len(names))
