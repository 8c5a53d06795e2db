"""How to adapt a model: what every strategy has to be told. A strategy's own plan adds to it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from tools.med_vlm.errors import TrainingDataRefused

Device = Literal["auto", "cpu", "cuda"]

HOW = frozenset({"save_every", "device", "askers"})
"""Fields that say how a training is run and not which: another value goes on with the same training."""

PLACES = frozenset({"base", "vision"})
"""Fields that say where a model lies; which one it is its fingerprint says."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a training depends on besides its archive and its base model."""

    epochs: int = 10
    batch: int = 16
    """Examples that one step learns from."""
    peak: float = 1e-4
    """Highest learning rate."""
    decay: float = 0.01
    """Weight decay of matrices; biases, norms and scalars have none."""
    warm_up: float = 0.05
    """Share of the steps in which the rate rises to its peak; then it falls along a cosine."""
    clip: float = 1.0
    """Longest gradient."""
    held_out: float = 0.1
    """Share of the persons whose cases only measure."""
    seed: int = 20260101
    calibration: float = 0.0
    """Share of the persons whose cases calibrate, where the strategy gives a compact model; others need none."""
    noncommercial: bool = False
    """An explicit yes to cases whose licence forbids commercial use."""
    consents: tuple[str, ...] = ()
    """The grounds of use, as case lines state them, that allow training; empty: every stated ground does."""
    save_every: int = 200
    """Steps after which the state is written; a kill loses at most these."""
    device: Device = "auto"
    fast: bool = False
    """bfloat16 where it is safe: quicker, other digits."""

    def __post_init__(self) -> None:
        """Refuse what cannot be a training.

        Raises:
            TrainingDataRefused: a number out of its range; the message names the field.
        """
        ranges = {
            "epochs": self.epochs >= 1,
            "batch": self.batch >= 1,
            "peak": 0 < self.peak < 1,
            "decay": 0 <= self.decay < 1,
            "warm_up": 0 <= self.warm_up < 1,
            "clip": self.clip > 0,
            "held_out": 0 <= self.held_out < 1,
            "calibration": 0 <= self.calibration < 1 - self.held_out,
            "save_every": self.save_every >= 1,
        }
        if wrong := [name for name, fits in ranges.items() if not fits]:
            raise TrainingDataRefused(f"a training cannot have this {wrong[0]}")

    def told(self) -> dict[str, object]:
        """The fields that make the training what it is, as JSON keeps them."""
        fields = dataclasses.asdict(self).items()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields if name not in HOW | PLACES}
