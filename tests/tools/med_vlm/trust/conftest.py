"""Readers that do as a test needs, and small pictures: none of them is a model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fhir.codes import FINDINGS
from tools.med_vlm.asked import Asked
from tools.med_vlm.compact.network import CompactNet, Shape
from tools.med_vlm.compact.reading.ood import Gate
from tools.med_vlm.compact.weights import Parts
from tools.med_vlm.profile import Profile
from tools.med_vlm.reading import FindingReading, Reading, Sentence
from tools.med_vlm.trust.space import Space

F32 = NDArray[np.float32]
Answer = Callable[[Asked], Mapping[str, float]]


class ToldReader:
    """A declared double: its probabilities come from a function of what is asked, and it counts how often it is asked."""

    def __init__(
        self, answer: Answer, *, profile: Profile | None = None, narrative: tuple[Sentence, ...] = (), calibrated: bool = True
    ) -> None:
        self.name = "told double 1"
        self.fingerprint = hashlib.sha256(b"told double 1").hexdigest()
        self.profile = profile or Profile(role="classifier", licence="Apache-2.0")
        self.read_of: list[Asked] = []
        self.asked: list[Asked] = []
        self._answer, self._narrative, self._calibrated = answer, narrative, calibrated

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        self.asked.append(asked)
        return self._answer(asked)

    def read(self, asked: Asked) -> Reading:
        self.read_of.append(asked)
        said = self._answer(asked)
        return Reading(
            model=self.name,
            fingerprint=self.fingerprint,
            abstained=False,
            reason="",
            calibrated=self._calibrated,
            findings=tuple(self._finding(finding.key, said[finding.key]) for finding in FINDINGS),
            narrative=self._narrative,
        )

    def _finding(self, key: str, probability: float) -> FindingReading:
        presence = "uncertain" if not self._calibrated else "present" if probability >= 0.5 else "absent"
        side = "left" if key == "pleural_effusion" and presence != "absent" else None
        return FindingReading(key=key, presence=presence, probability=probability, side=side)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def told() -> type[ToldReader]:
    return ToldReader


def smooth(seed: int, side: int = 64) -> F32:
    """A picture of a few soft blobs: it passes for a radiograph, and is none."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    made = 0.5 + 0.2 * y + 0.01 * random.standard_normal((side, side))
    for _ in range(4):
        cx, cy, wide = random.uniform(0.2, 0.8, 3)
        made += random.uniform(-0.4, 0.4) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (0.1 * wide))
    return np.clip(made, 0, 1).astype(np.float32)


@pytest.fixture(scope="session")
def picture() -> Callable[..., F32]:
    return smooth


@pytest.fixture(scope="session")
def small_space() -> Space:
    """The network of the compact model, tiny and untrained: its texture tells noise from smooth pictures all the same."""
    torch.manual_seed(0)
    net = CompactNet(Shape(size=64, widths=(8, 16, 16, 16), blocks=(1, 1, 1, 1), neck=16)).eval()
    nothing = np.zeros((1, 384), np.float32)
    return Space(Parts(net, Gate(nothing[0], nothing, 1.0, 1.0), nothing[0]), "0" * 64)
