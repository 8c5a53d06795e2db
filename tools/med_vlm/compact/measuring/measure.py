"""Measures of a binary or ranked answer, with intervals. Plain numpy, so that the arithmetic can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def auroc_by_patient(scores: FloatArray, labels: BoolArray, patients: Sequence[str], seed: int = 0, rounds: int = 500) -> Interval:
    """AUROC with a percentile bootstrap interval that resamples patients: images of one patient are no independent witnesses.

    A draw without both classes is left out. Without enough draws there is no interval: it is then 0..1.
    """
    value = auroc(scores, labels)
    drawn = [auroc(scores[rows], labels[rows]) for rows in resampled(patients, seed, rounds)]
    return _between(value, drawn, int(labels.sum()), len(labels))


def resampled(patients: Sequence[str], seed: int, rounds: int) -> Iterator[NDArray[np.int64]]:
    """`rounds` times the row numbers of as many patients as there are, drawn with replacement; seeded."""
    rows: dict[str, list[int]] = {}
    for row, patient in enumerate(patients):
        rows.setdefault(patient, []).append(row)
    own = [np.array(each, dtype=np.int64) for each in rows.values()]
    random = np.random.default_rng(seed)
    for _ in range(rounds):
        yield np.concatenate([own[index] for index in random.integers(0, len(own), len(own))])


def _between(value: float, drawn: Sequence[float], positives: int, total: int) -> Interval:
    """An estimate with the 95 % interval of its draws that could be computed."""
    usable = [each for each in drawn if not np.isnan(each)]
    if np.isnan(value) or len(usable) < 0.9 * max(1, len(drawn)):
        return Interval(value, 0.0, 1.0, positives, total)
    low, high = np.quantile(usable, [0.025, 0.975])
    return Interval(value, float(low), float(high), positives, total)


def macro_auroc(scores: FloatArray, labels: BoolArray, known: BoolArray, patients: Sequence[str], seed: int = 0) -> Interval:
    """Mean AUROC over the columns of [n, c], each on its known rows, with an interval by patient; NaN without columns.

    `positives` counts the columns with both classes, `total` the patients.
    """
    columns = [head for head in range(scores.shape[1]) if not np.isnan(auroc(scores[known[:, head], head], labels[known[:, head], head]))]

    def mean(rows: NDArray[np.int64]) -> float:
        each = [auroc(scores[rows[known[rows, head]], head], labels[rows[known[rows, head]], head]) for head in columns]
        usable = [value for value in each if not np.isnan(value)]
        return float(np.mean(usable)) if usable else float("nan")

    every = np.arange(len(scores), dtype=np.int64)
    return _between(mean(every), [mean(rows) for rows in resampled(patients, seed, 300)], len(columns), len(set(patients)))


def reliability(probabilities: FloatArray, labels: BoolArray, bins: int = 10) -> tuple[tuple[float, float, int], ...]:
    """(mean predicted, share observed, images) of each equal-width bin that holds any."""
    edges = np.clip((probabilities * bins).astype(int), 0, bins - 1)
    inside = [edges == bin_ for bin_ in np.unique(edges)]
    return tuple((round(float(probabilities[rows].mean()), 4), round(float(labels[rows].mean()), 4), int(rows.sum())) for rows in inside)


def risk_coverage(probabilities: FloatArray, labels: BoolArray, points: int = 20) -> tuple[tuple[float, float], ...]:
    """(share answered, share of wrong answers among them), the surest answers first (El-Yaniv and Wiener, JMLR 2010)."""
    order = np.argsort(-np.abs(probabilities - 0.5), kind="stable")
    wrong = ((probabilities >= 0.5) != labels)[order]
    ends = [max(1, round(len(wrong) * point / points)) for point in range(1, points + 1)] if len(wrong) else []
    return tuple((round(end / len(wrong), 4), round(float(wrong[:end].mean()), 4)) for end in ends)
