"""Whether an image may be read, and by which calibration: each domain has a gate of its own, radiographs only once admitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.med_vlm.compact.files import Calibration
from tools.med_vlm.compact.network import Output
from tools.med_vlm.compact.reading.calibration import FindingCalibration
from tools.med_vlm.compact.reading.ood import Gate
from tools.med_vlm.compact.weights import Parts

UNLIKE = "the image is unlike those the model was validated on"
OF_A_PATIENT = "the image looks like a radiograph of a patient; on those the model was measured to read too poorly, as its card says"


@dataclass(frozen=True, slots=True)
class Judged:
    """One image judged."""

    score: float
    """Distance from the images of its domain; comparable with `threshold` only."""
    threshold: float
    reason: str
    """Why it is not read, or an empty string."""
    findings: tuple[FindingCalibration, ...]
    localised: tuple[str, ...]
    """Keys whose regions are shown: measured on phantoms, whose findings are drawn; on no radiograph is it known where one lies."""


@dataclass(frozen=True, slots=True)
class _Domain:
    gate: Gate
    findings: tuple[FindingCalibration, ...]
    localised: tuple[str, ...]


class Gates:
    """The gates of a loaded model."""

    def __init__(self, parts: Parts, calibration: Calibration) -> None:
        own = calibration.radiographs
        self._drawn = _Domain(parts.gate, calibration.findings, calibration.localised)
        self._taken = _Domain(parts.radiographs, own.findings, ()) if parts.radiographs and own else None

    def judge(self, output: Output) -> tuple[Judged, ...]:
        """What is said of each of the n images of `output`; the view is not looked at."""
        textures = output.texture.numpy()
        found: list[Judged] = []
        for row, taken in enumerate((output.domain > 0).tolist()):
            domain = self._taken if taken and self._taken else self._drawn
            score = float(domain.gate.distance(textures[row : row + 1])[0])
            reason = OF_A_PATIENT if taken and not self._taken else ""
            if score > domain.gate.threshold or not np.isfinite(score):
                reason = UNLIKE
            found.append(Judged(score, domain.gate.threshold, reason, domain.findings, domain.localised))
        return tuple(found)
