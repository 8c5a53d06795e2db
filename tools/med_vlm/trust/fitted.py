"""A reader whose words count: probabilities scaled on labelled images, presence by conformal sets, and a gate of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fhir.codes import FINDING
from tools.med_vlm.asked import Asked
from tools.med_vlm.compact.reading.calibration import FindingCalibration
from tools.med_vlm.errors import CalibrationUnusable
from tools.med_vlm.reading import FindingReading, Presence, Reader, Reading
from tools.med_vlm.trust.abstention import abstention
from tools.med_vlm.trust.agreement import agreeing
from tools.med_vlm.trust.calibration import Fitted, logits_of
from tools.med_vlm.trust.calibration_folder import load
from tools.med_vlm.trust.recalled import StillTheSame
from tools.med_vlm.trust.space import Space, shipped_space


def load_fitted(folder: Path, fingerprint: str) -> Fitted:
    """The calibration that `sidenote model calibrate` wrote into `folder`, for the reader of that fingerprint.

    Raises:
        CalibrationUnusable: a file is missing or changed, or it was fitted for another model.
    """
    fitted = load(folder)
    if fitted.record.fingerprint != fingerprint:
        raise CalibrationUnusable("it was fitted for another model")
    return fitted


class Calibrated:
    """Implements `tools.med_vlm.reading.Reader` over a reader and the calibration that was fitted for it. Safe to share between threads."""

    def __init__(self, reader: Reader, fitted: Fitted, *, space: Space | None = None) -> None:
        """Bind both.

        Raises:
            CalibrationUnusable: the calibration is of another model, or its gate was fitted with other weights of the compact model.
        """
        self.name = reader.name
        self.fingerprint = hashlib.sha256(f"{reader.fingerprint} {fitted.fingerprint}".encode()).hexdigest()
        self.profile = reader.profile
        self._reader = reader
        self._space = space or shipped_space()
        self._gate = fitted.gate
        self._findings = {one.key: one for one in fitted.record.findings}
        self._never = fitted.record.never_decided
        self._same = StillTheSame(reader, fitted.record.recalled)
        if fitted.record.fingerprint != reader.fingerprint:
            raise CalibrationUnusable("it was fitted for another model")
        if fitted.record.space != self._space.fingerprint:
            raise CalibrationUnusable("its gate was fitted with other weights of the compact model")

    def require_same(self) -> None:
        """Ask whether the model still answers as when it was calibrated, unless that was asked a while ago (`trust.recalled`).

        Raises:
            CalibrationUnusable: it does not.
            MedVlmError: it did not answer.
        """
        self._same.require()

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """Calibrated, nothing gated; of a finding that was not calibrated the model's own.

        Raises:
            MedVlmError: the model did not answer.
        """
        return {key: self._scaled(key, probability) for key, probability in self._reader.probabilities(asked).items()}

    def read(self, asked: Asked) -> Reading:
        """The reading with calibrated findings; abstains on an image unlike those of the calibration, before the model sees it.

        A finding with too few examples in the calibration is always uncertain. Sentences that say otherwise than the calibrated
        findings are left out, and counted in the notes. Now and then the model is asked first whether it is still the same.

        Raises:
            CalibrationUnusable: it answers otherwise than when it was calibrated.
            MedVlmError: the model did not answer.
        """
        from tools.med_vlm.compact.preprocess import problem

        pixels = asked.focal.pixels
        if reason := problem(pixels):
            return abstention(self, reason, calibrated=True)
        score, threshold = float(self._gate.distance(self._space.look(pixels)[None])[0]), self._gate.threshold
        if not score <= threshold:
            reason = "the image is unlike those the model was calibrated on"
            return abstention(self, reason, ood_score=score, ood_threshold=threshold, calibrated=True)
        self.require_same()
        reading = self._reader.read(asked)
        measured = {"ood_score": score, "ood_threshold": threshold, "calibrated": True, "fingerprint": self.fingerprint}
        scored = reading.model_copy(update=measured)
        return scored if reading.abstained else self._stated(scored)

    def _stated(self, reading: Reading) -> Reading:
        findings = tuple(self._finding(one) for one in reading.findings)
        kept = agreeing(reading.narrative, {one.key: one.presence for one in findings})
        notes = list(reading.notes)
        if self._never:
            names = ", ".join(FINDING[key].display for key in self._never)
            notes.append(f"never decided, for too few examples in the calibration: {names}")
        if left_out := len(reading.narrative) - len(kept):
            notes.append(f"{left_out} of the model's sentences left out: they say otherwise than the calibrated findings")
        return reading.model_copy(update={"findings": findings, "narrative": kept, "notes": tuple(notes)})

    def _finding(self, one: FindingReading) -> FindingReading:
        probability = self._scaled(one.key, one.probability)
        presence = _presence(self._findings.get(one.key), probability)
        if presence == "absent":
            return FindingReading(key=one.key, code=one.code, presence=presence, probability=probability, change=None)
        return one.model_copy(update={"presence": presence, "probability": probability})

    def _scaled(self, key: str, probability: float) -> float:
        fitted = self._findings.get(key)
        if fitted is None or not fitted.levels:
            return probability
        return float(fitted.scaling.probability(logits_of(np.array([probability])))[0])


def _presence(fitted: FindingCalibration | None, probability: float) -> Presence:
    return "uncertain" if fitted is None else fitted.presence(probability)
