"""Measures of a binary or ranked answer, with intervals. Plain numpy, so that the arithmetic can be read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval; `positives` of `total` carried the label. NaN where it cannot be estimated."""

    value: float
    low: float
    high: float
    positives: int
    total: int


def _ranks(scores: FloatArray) -> FloatArray:
    """Ranks from 1, ties sharing their mean rank."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle = last - (counts - 1) / 2
    return np.asarray(middle[inverse], dtype=np.float64)


def auroc(scores: FloatArray, labels: BoolArray) -> float:
    """Area under the ROC curve by the rank sum (Mann-Whitney); NaN without both classes."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    above = float(_ranks(scores)[labels].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def auroc_interval(scores: FloatArray, labels: BoolArray, seed: int = 0, rounds: int = 500) -> Interval:
    """AUROC with a percentile bootstrap interval, both classes resampled on their own; seeded."""
    value = auroc(scores, labels)
    if np.isnan(value):
        return Interval(value, value, value, int(labels.sum()), len(labels))
    random = np.random.default_rng(seed)
    yes, no = scores[labels], scores[~labels]
    truth = np.arange(len(labels)) < len(yes)
    drawn = [auroc(np.concatenate([random.choice(yes, len(yes)), random.choice(no, len(no))]), truth) for _ in range(rounds)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(value, float(low), float(high), int(labels.sum()), len(labels))


def proportion(hits: int, total: int) -> Interval:
    """A proportion with its Wilson 95 % interval (E. B. Wilson, JASA 1927)."""
    if not total:
        return Interval(float("nan"), 0.0, 1.0, 0, 0)
    z, share = 1.96, hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return Interval(share, float(max(0.0, centre - half)), float(min(1.0, centre + half)), hits, total)


def calibration_error(probabilities: FloatArray, labels: BoolArray, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins: mean gap of confidence and frequency, weighted by bin size."""
    edges = np.clip((probabilities * bins).astype(int), 0, bins - 1)
    gaps = [(edges == bin_).mean() * abs(probabilities[edges == bin_].mean() - labels[edges == bin_].mean()) for bin_ in np.unique(edges)]
    return float(np.sum(gaps))
