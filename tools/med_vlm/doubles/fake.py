"""Declared test doubles of a `Reader`: they say what they were told, keep the contract, and name themselves as doubles."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fhir.codes import FINDINGS, Finding, Side
from tools.med_vlm.asked import Asked
from tools.med_vlm.profile import Profile
from tools.med_vlm.reading import FindingReading, Presence, Reading, Sentence

PROFILE = Profile(role="classifier", licence="Apache-2.0")
SIDES: tuple[Side, ...] = ("left", "right", "bilateral")
F32 = NDArray[np.float32]


def _problem(image: F32) -> str:
    if not isinstance(image, np.ndarray) or image.ndim != 2 or not image.size:
        return "not a two-dimensional array"
    if not np.issubdtype(image.dtype, np.floating) or not bool(np.isfinite(image).all()):
        return "pixel values are not finite numbers"
    return "the image is constant" if float(np.ptp(image)) < 1e-6 else ""


def _seed(image: F32) -> int:
    return int.from_bytes(hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()[:8], "big")


def abstention(model: str, fingerprint: str, reason: str) -> Reading:
    """A reading that says nothing, for `reason`."""
    return Reading(model=model, fingerprint=fingerprint, abstained=True, reason=reason, ood_score=-1.0, ood_threshold=1.0)


class FixedReader:
    """Gives the same reading for every image that can be read; abstains on what is no image."""

    def __init__(self, reading: Reading) -> None:
        self.name = reading.model
        self.fingerprint = reading.fingerprint
        self.profile = PROFILE
        self._reading = reading

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """Of the fixed reading: the same whatever the image."""
        return {finding.key: finding.probability for finding in self._reading.findings}

    def read(self, asked: Asked) -> Reading:
        """The fixed reading, or an abstention for an array that is no image."""
        refused = _problem(asked.focal.pixels)
        return abstention(self.name, self.fingerprint, refused) if refused else self._reading


class SeededReader:
    """Reads findings drawn from the image's bytes: every image its own, the same image the same."""

    name = "seeded double 1"
    fingerprint = hashlib.sha256(b"seeded double 1").hexdigest()

    profile = PROFILE

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """Drawn from the image's bytes."""
        random = np.random.default_rng(_seed(asked.focal.pixels))
        return {finding.key: _drawn(finding, random).probability for finding in FINDINGS}

    def read(self, asked: Asked) -> Reading:
        """A drawn reading, or an abstention for an array that is no image."""
        image = asked.focal.pixels
        refused = _problem(image)
        if refused:
            return abstention(self.name, self.fingerprint, refused)
        random = np.random.default_rng(_seed(image))
        findings = tuple(_drawn(finding, random) for finding in FINDINGS)
        return Reading(
            model=self.name,
            fingerprint=self.fingerprint,
            abstained=False,
            reason="",
            ood_score=0.5,
            ood_threshold=1.0,
            view="PA",
            findings=findings,
            calibrated=True,
            narrative=(Sentence(text=f"A test double drew {sum(f.presence == 'present' for f in findings)} findings."),),
        )


def _drawn(finding: Finding, random: np.random.Generator) -> FindingReading:
    probability = float(random.random())
    presence: Presence = "present" if probability > 0.7 else "absent" if probability < 0.5 else "uncertain"
    side = SIDES[int(random.integers(len(SIDES)))]
    sided = finding.lateral and presence != "absent"
    return FindingReading(key=finding.key, presence=presence, probability=probability, side=side if sided else None)
