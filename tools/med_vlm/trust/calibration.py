"""What calibrating a reader gives: the scaling and conformal levels of each finding, what they are worth, and the gate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.card import Estimate
from tools.med_vlm.compact.files import GateUnits
from tools.med_vlm.compact.reading.calibration import FindingCalibration, Frozen
from tools.med_vlm.compact.reading.ood import Gate

SURE = 1e-6
"""Nearer to 0 or 1 than this no probability is taken at its word."""

Floats = NDArray[np.float64]


class Measured(Frozen):
    """One finding on the second half."""

    key: str
    coverage_present: Estimate
    """Of the carriers, the share whose answer holds the truth; an uncertain answer holds it."""
    coverage_absent: Estimate
    decided: Estimate
    calibration_error: float | None
    auroc: Estimate


class Recalled(Frozen):
    """What the model answered about one image of nobody when it was calibrated (`trust.recalled`)."""

    image: str
    """SHA-256 of its pixels."""
    probabilities: dict[str, float]
    """By finding, the model's own."""
    chance: float
    """The largest difference of log-odds between two askings."""


class Record(Frozen):
    """What a calibration is, without the gate's arrays."""

    reader: str
    fingerprint: str
    """Of the reader that was calibrated: it holds for no other."""
    space: str
    """Fingerprint of the space that the gate was fitted in."""
    fitted_on: int
    measured_on: int
    unreadable: int
    """Images left out, since they are no readable pictures."""
    findings: tuple[FindingCalibration, ...]
    never_decided: tuple[str, ...]
    """Keys with too few images that carry, or lack, the finding."""
    measured: tuple[Measured, ...]
    gate: GateUnits
    recalled: Recalled


@dataclass(frozen=True, slots=True)
class Fitted:
    """A calibration in memory: `trust.fitting` makes it, `trust.calibration_folder` keeps it, `trust.fitted` uses it."""

    record: Record
    gate: Gate = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of record and gate: of one calibration before it is kept and after."""
        total = hashlib.sha256(self.record.model_dump_json().encode())
        for array in (self.gate.centre, self.gate.axes):
            total.update(array.tobytes())
        return total.hexdigest()


def logits_of(probabilities: Floats) -> Floats:
    """Log-odds of probabilities of any shape, those at 0 and 1 kept finite."""
    inside = np.clip(probabilities, SURE, 1 - SURE)
    return np.asarray(np.log(inside / (1 - inside)), dtype=np.float64)
