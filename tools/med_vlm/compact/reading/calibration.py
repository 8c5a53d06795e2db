"""From logits to statements: calibrated probabilities, and present / absent / uncertain by split-conformal sets.

Fitted on the calibration phantoms, which neither train nor test the model. A set at level 1-a holds the true answer in at
least that share of images like the calibration images, for carriers and non-carriers of a finding alike (Vovk,
"Conditional validity of inductive conformal predictors", 2012). It promises nothing about other images.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fhir.codes import Side
from tools.med_vlm.reading import Presence

LEVELS = (0.98, 0.95, 0.90)
"""Tried from the strictest down: the first set that holds exactly one answer decides. None does: uncertain."""

CLEAR = 0.4
"""How far from one half a probability must be to fill an empty conformal set."""

SIDE_MARGIN = 0.5
"""Log-odds by which one half must stand out to be called the side."""

FloatArray = NDArray[np.floating]


class Frozen(BaseModel):
    """Base of the stored records: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Scaling(Frozen):
    """Probability = sigmoid(slope * logit + offset) (Platt): slope is the inverse temperature."""

    slope: float
    offset: float

    def probability(self, logits: FloatArray) -> FloatArray:
        """Probabilities of logits of any shape."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * logits + self.offset, -30, 30))), dtype=np.float64)


class ConformalLevel(Frozen):
    """One level: `present` is in the set from `present_from` on, `absent` up to `absent_to`."""

    level: float
    present_from: float
    absent_to: float

    def answers(self, probability: float) -> tuple[Presence, ...]:
        """The conformal set: none, one or both of present and absent."""
        found: list[Presence] = []
        if probability >= self.present_from:
            found.append("present")
        if probability <= self.absent_to:
            found.append("absent")
        return tuple(found)


class FindingCalibration(Frozen):
    """Everything that turns one head's logits into a statement."""

    key: str
    scaling: Scaling
    levels: tuple[ConformalLevel, ...]
    side: Scaling | None
    """Of the logits of one half of the image; None for a finding without a side."""

    def presence(self, probability: float) -> Presence:
        """Present, absent or uncertain for a calibrated probability.

        An empty set (unlike most carriers and most others) is filled with a clearly likelier answer; a single answer that
        the probability does not bear out becomes uncertain. Both only add to the conformal set, so its coverage stays.
        """
        likelier: Presence = "present" if probability >= 0.5 else "absent"
        for level in self.levels:
            answers = level.answers(probability)
            if len(answers) == 1:
                return likelier if answers == (likelier,) else "uncertain"
            if not answers:
                return likelier if abs(probability - 0.5) >= CLEAR else "uncertain"
        return "uncertain"

    def which_side(self, right: float, left: float) -> Side | None:
        """The patient's side from the logits of both halves; None where neither stands out or there is no side."""
        if self.side is None:
            return None
        on_right, on_left = (float(p) for p in self.side.probability(np.array([right, left])))
        if on_right >= 0.5 and on_left >= 0.5:
            return "bilateral"
        if abs(right - left) * self.side.slope < SIDE_MARGIN:
            return None
        return "right" if right > left else "left"


def fit_scaling(logits: FloatArray, labels: NDArray[np.bool_], rounds: int = 100) -> Scaling:
    """Platt's two parameters by damped Newton steps with his smoothed targets, lightly held near the identity."""
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return Scaling(slope=1.0, offset=0.0)
    target = np.where(labels, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    inputs = np.stack([logits, np.ones_like(logits)], 1).astype(np.float64)
    weights = np.array([1.0, 0.0])
    loss = _platt_loss(weights, inputs, target)
    for _ in range(rounds):
        step = _newton_step(weights, inputs, target)
        share = 1.0
        while _platt_loss(weights - share * step, inputs, target) > loss and share > 1e-6:
            share /= 2
        weights = weights - share * step
        better = _platt_loss(weights, inputs, target)
        if loss - better < 1e-10:
            break
        loss = better
    return Scaling(slope=max(float(weights[0]), 0.05), offset=float(weights[1]))


_HOLD = 0.1
"""Weight of the pull towards the identity, in units of one example."""


def _platt_loss(weights: FloatArray, inputs: FloatArray, target: FloatArray) -> float:
    z = inputs @ weights
    return float(np.sum(np.logaddexp(0, z) - target * z) + _HOLD / 2 * ((weights - np.array([1.0, 0.0])) ** 2).sum())


def _newton_step(weights: FloatArray, inputs: FloatArray, target: FloatArray) -> FloatArray:
    p = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
    gradient = inputs.T @ (p - target) + _HOLD * (weights - np.array([1.0, 0.0]))
    curvature = (inputs * (p * (1 - p))[:, None]).T @ inputs + _HOLD * np.eye(2)
    return np.asarray(np.linalg.solve(curvature, gradient), dtype=np.float64)


def conformal_level(probabilities: FloatArray, labels: NDArray[np.bool_], level: float) -> ConformalLevel:
    """Thresholds of one level from the order statistics of each class; too few carriers exclude nothing."""
    present, absent = np.sort(probabilities[labels]), np.sort(probabilities[~labels])[::-1]
    return ConformalLevel(level=level, present_from=_threshold(present, level, 0.0), absent_to=_threshold(absent, level, 1.0))


def _threshold(worst_first: FloatArray, level: float, otherwise: float) -> float:
    excluded = int(np.floor((len(worst_first) + 1) * (1 - level)))
    return float(worst_first[excluded - 1]) if excluded >= 1 else otherwise


def fit_finding(
    key: str, logits: FloatArray, labels: NDArray[np.bool_], halves: FloatArray, half_labels: NDArray[np.bool_] | None
) -> FindingCalibration:
    """Calibrate one head. `logits` [n], `halves` [m] logits of single halves with `half_labels` [m], or None without a side."""
    scaling = fit_scaling(logits, labels)
    probabilities = scaling.probability(logits)
    return FindingCalibration(
        key=key,
        scaling=scaling,
        levels=tuple(conformal_level(probabilities, labels, level) for level in LEVELS),
        side=None if half_labels is None else fit_scaling(halves, half_labels),
    )
