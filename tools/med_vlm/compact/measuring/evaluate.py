"""What the card says of the findings, measured on held-out phantoms."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.card import Estimate, FindingMeasured, Retrieval
from tools.med_vlm.compact.examples.store import LEFT, RIGHT, Store
from tools.med_vlm.compact.heads import VIEWS
from tools.med_vlm.compact.measuring.measure import Interval, auroc_interval, calibration_error, proportion, reliability, risk_coverage
from tools.med_vlm.compact.network import Output
from tools.med_vlm.compact.reading.calibration import FindingCalibration
from tools.med_vlm.compact.reading.localise import MARGIN, TOUCHING, pointing


def estimate(interval: Interval) -> Estimate:
    """An interval as the card writes it, rounded; None where it could not be estimated."""
    if math.isnan(interval.value):
        return Estimate(value=None, positives=interval.positives, total=interval.total)
    return Estimate(
        value=round(interval.value, 4),
        low=round(interval.low, 4),
        high=round(interval.high, 4),
        positives=interval.positives,
        total=interval.total,
    )


def frontal(store: Store) -> NDArray[np.bool_]:
    """Which examples [n] are frontal views: the only ones the model reads."""
    return np.asarray(store.views != VIEWS.index("LATERAL"))


def half_labels(store: Store, head: int, rows: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Truth of (right, left) halves [m, 2] of the examples `rows` whose side is known, and which of `rows` those are."""
    present, bits = store.present[rows, head] == 1, store.sides[rows, head]
    known = ~present | (bits > 0)
    return np.stack([bits[known] & RIGHT > 0, bits[known] & LEFT > 0], 1), known


def measure_pointing(output: Output, store: Store, head: int, rows: NDArray[np.bool_]) -> tuple[Interval, float]:
    """The pointing game over the carriers among `rows`: hits, and the mean chance."""
    carriers = rows & (store.present[:, head] == 1) & (store.masked[:, head] == 1)
    carriers &= store.masks[:, head].max((1, 2)) > TOUCHING
    if not carriers.any():
        return proportion(0, 0), float("nan")
    hits, chance = pointing(output.cells[carriers][:, head].numpy(), store.masks[carriers, head])
    return proportion(int(hits.sum()), len(hits)), float(chance.mean())


def trusted(hits: Interval, chance: float) -> bool:
    """Whether regions may be shown: at least 20 carriers, and even the lower bound far above chance."""
    return hits.total >= 20 and hits.low >= chance + MARGIN and hits.value >= 0.6


def measure_finding(head: int, one: FindingCalibration, output: Output, store: Store, localised: bool) -> FindingMeasured:
    """Everything the card says of one finding, on the frontal examples of a held-out store."""
    rows = frontal(store)
    logits, labels = output.logits[rows][:, head].numpy(), store.present[rows, head] == 1
    probabilities = one.scaling.probability(logits)
    answers = np.array([one.presence(float(p)) for p in probabilities])
    decided, right = answers != "uncertain", (answers == "present") == labels
    hits, chance = measure_pointing(output, store, head, rows)
    return FindingMeasured(
        key=one.key,
        auroc=estimate(auroc_interval(logits, labels)),
        calibration_error=round(calibration_error(probabilities, labels), 4),
        coverage=round(float((right | ~decided).mean()), 4),
        decided=round(float(decided.mean()), 4),
        sensitivity=_share(right, labels & decided),
        specificity=_share(right, ~labels & decided),
        side_accuracy=_side_accuracy(head, one, output, store, rows),
        pointing=estimate(hits),
        pointing_chance=None if math.isnan(chance) else round(chance, 4),
        reliability=reliability(probabilities, labels),
        risk_coverage=risk_coverage(probabilities, labels),
        localised=localised,
    )


def _share(right: NDArray[np.bool_], of: NDArray[np.bool_]) -> float | None:
    return round(float(right[of].mean()), 4) if of.any() else None


def _side_accuracy(head: int, one: FindingCalibration, output: Output, store: Store, rows: NDArray[np.bool_]) -> Estimate | None:
    if one.side is None:
        return None
    carriers = rows & (store.present[:, head] == 1) & (store.sides[:, head] > 0)
    shown = [one.presence(float(p)) != "absent" for p in one.scaling.probability(output.logits[:, head].numpy())]
    carriers &= np.array(shown)
    halves = output.halves[carriers][:, head].numpy()
    names = {RIGHT: "right", LEFT: "left", RIGHT | LEFT: "bilateral"}
    truth = [names[int(bits)] for bits in store.sides[carriers, head]]
    said = [one.which_side(float(right), float(left)) for right, left in halves]
    return estimate(proportion(sum(a == b for a, b in zip(said, truth, strict=True)), len(truth)))


def measure_view(output: Output, store: Store) -> Estimate:
    """Share of images whose view was named rightly."""
    right = output.view.argmax(1).numpy() == store.views
    return estimate(proportion(int(right.sum()), len(right)))


def measure_retrieval(images: NDArray[np.float32], texts: NDArray[np.float32], meanings: NDArray[np.int64]) -> Retrieval:
    """Image [n, d] to report [n, d]: a report of the same meaning counts as found."""
    order = np.argsort(-(images @ texts.T), axis=1)[:, :10]
    same = meanings[order] == meanings[:, None]
    chance = float(np.mean([np.mean(meanings == meaning) for meaning in meanings]))
    return Retrieval(
        first=round(float(same[:, 0].mean()), 4),
        first_ten=round(float(same.any(1).mean()), 4),
        chance_first=round(chance, 4),
        total=len(images),
    )
