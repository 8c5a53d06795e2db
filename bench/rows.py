"""What a benchmark returns: rows of costs. Every figure is a cost (time, bytes), so every goal is an upper limit."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples of one cost; at least one, or its median raises StatisticsError."""

    samples: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        """The middle sample, or the mean of the two middle ones."""
        return median(self.samples)


@dataclass(frozen=True, slots=True)
class Goal:
    """An upper limit on a row's ratio to its peer, or on its figure."""

    name: str
    text: str
    limit: float
    of: Literal["ratio", "figure"] = "ratio"


@dataclass(frozen=True, slots=True)
class Row:
    """One cost, beside a peer's in the same run where there is one. Raises ValueError for a comparison that means nothing."""

    what: str
    figure: Figure
    peer: str = ""
    peer_figure: Figure | None = None
    goal: Goal | None = None

    def __post_init__(self) -> None:
        if self.peer_figure is not None and (self.peer_figure.unit != self.figure.unit or self.peer_figure.median <= 0):
            raise ValueError(f"{self.what}: the peer's figure cannot be compared")
        if self.goal is not None and self.goal.of == "ratio" and self.peer_figure is None:
            raise ValueError(f"{self.what}: a goal on the ratio needs a peer")

    @property
    def ratio(self) -> float | None:
        """Median over the peer's median: under 1 costs less than the peer."""
        return None if self.peer_figure is None else self.figure.median / self.peer_figure.median

    @property
    def reached(self) -> float | None:
        """What the goal limits, as a share of the limit: at most 1 when it is met. None without a goal."""
        measured = self.figure.median if self.goal and self.goal.of == "figure" else self.ratio
        return None if self.goal is None or measured is None else measured / self.goal.limit
