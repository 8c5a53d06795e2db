"""One training example of the compact model, whatever made it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fhir.codes import FINDING, Side
from tools.med_vlm.compact.heads import KEYS, VIEWS, View
from tools.med_vlm.errors import TrainingDataRefused

Domain = Literal["phantom", "radiograph"]

DOMAINS: tuple[Domain, ...] = ("phantom", "radiograph")
"""Where images come from: drawn by this project, or taken of a patient."""


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """One image with its truth.

    `image` is float32 [rows, columns] in 0..1. `labels` holds every present finding with its side, or None where the
    side is unknown or the finding has none; another finding is absent if it is in `known`, and else nobody knows. `masks`
    holds bool [m, n] arrays that cover the whole image at any resolution. `sentences` are the report's findings and impression.
    """

    number: int
    image: NDArray[np.float32]
    labels: Mapping[str, Side | None]
    masks: Mapping[str, NDArray[np.bool_]]
    sentences: tuple[str, ...]
    view: View = "PA"
    known: frozenset[str] = frozenset(KEYS)
    """The findings whose presence or absence somebody stated. A set of labels that never names a finding teaches nothing of it."""
    domain: Domain = "phantom"

    def __post_init__(self) -> None:
        """Refuse what cannot train.

        Raises:
            TrainingDataRefused: unknown finding or view, an image or a mask that is not two-dimensional.
        """
        unknown = (set(self.labels) | set(self.masks) | self.known) - set(FINDING)
        if unknown:
            raise TrainingDataRefused(f"unknown findings {sorted(unknown)}")
        if self.image.ndim != 2 or any(mask.ndim != 2 for mask in self.masks.values()):
            raise TrainingDataRefused("images and masks are two-dimensional arrays")
        if self.view not in VIEWS:
            raise TrainingDataRefused(f"unknown view {self.view!r}")
        if not set(self.labels) <= self.known:
            raise TrainingDataRefused("a finding that is named as present is known")

    @property
    def meaning(self) -> str:
        """Equal for examples that mean the same, for the contrastive loss.

        Findings with their sides where all of them are known. Of others only the report can be compared, word by word:
        two images with equal known findings may still differ in what nobody stated.
        """
        if self.known >= frozenset(KEYS):
            return repr(semantic_key(self.labels))
        return repr(self.sentences or self.number)


Source = Callable[[Sequence[int]], Iterable[TrainingExample]]
"""Gives the examples of the asked numbers, in that order; the same number is always the same example."""


def semantic_key(labels: Mapping[str, Side | None]) -> tuple[tuple[str, str], ...]:
    """The meaning of an example for the contrastive loss: its findings with their sides, in a fixed order."""
    return tuple(sorted((key, side or "") for key, side in labels.items()))
