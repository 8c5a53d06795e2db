"""How far a training is: what a progress bar shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["images", "teacher", "training"]
"""Decoding images, asking the teacher, training."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One word on the way. Holds nothing of a case."""

    phase: Phase
    done: int
    """Images, answers or steps, those of earlier sittings too."""
    total: int
    rate: float
    """Images, answers or examples a second in this sitting; 0 until it is known."""
    seconds_left: float | None
    """At this rate; None until it is known."""
    loss: float | None = None
    """Of the newest step."""
    parts: Mapping[str, float] = field(default_factory=dict)
    held_out: float | None = None
    """The loss on the held-out persons, when it was just measured."""


Tell = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Tell nobody."""


class Pace:
    """The rate and the time left of one sitting."""

    def __init__(self, done: int, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at `done` of `total`."""
        self._first, self._total, self._clock = done, total, clock
        self._began = clock()

    def at(self, done: int, each: int = 1) -> tuple[float, float | None]:
        """(examples a second, seconds left) with `done` done, when one step holds `each` examples."""
        passed = self._clock() - self._began
        if done == self._first or passed <= 0:
            return 0.0, None
        speed = (done - self._first) / passed
        return speed * each, (self._total - done) / speed
