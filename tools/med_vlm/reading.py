"""What a Med-VLM says of a study: findings with presence, probability, side and region; or that it abstains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fhir.codes import Side
from policies.evidence import Frozen, Region

Presence = Literal["present", "absent", "uncertain"]


class FindingReading(Frozen):
    """One finding of a reading. `probability` is calibrated on the model's validation set, named in its card."""

    key: str
    presence: Presence
    probability: float = Field(ge=0, le=1)
    side: Side | None = None
    region: Region | None = None
    """Only for findings whose localisation was measured to work (the model's card says which)."""
    heat_map: tuple[tuple[float, ...], ...] | None = None
    """Coarse grid [rows][columns] of values 0..1 over the whole image, or None."""


class Reading(Frozen):
    """What one model said of one image."""

    model: str
    """Name and version, e.g. `compact 0.1.0`."""
    fingerprint: str
    """SHA-256 of the weights that answered."""
    abstained: bool
    reason: str
    """Why it abstained, or an empty string."""
    ood_score: float
    """Distance from the training images; comparable with `ood_threshold` only."""
    ood_threshold: float
    view: str | None = None
    findings: tuple[FindingReading, ...] = ()
    """All findings of the vocabulary, in its order; empty when the model abstained."""
    narrative: tuple[str, ...] = ()


class Reader(Protocol):
    """A model that reads one frontal chest radiograph."""

    name: str
    fingerprint: str

    def read(self, image: NDArray[np.float32]) -> Reading:
        """Read `image` [rows, columns], 0 (air) .. 1. Never raises for odd content: it abstains and says why."""
        ...

    def embed(self, images: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Image embeddings [n, dimension], unit length, in the space shared with report text."""
        ...
