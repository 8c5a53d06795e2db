"""A result's course as a small drawing: where its points lie. The template writes them as SVG; nothing is drawn by a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.chart.ranges import Range

WIDTH, HEIGHT, _EDGE = 80, 30, 4


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Points in the drawing's units, oldest first, and the band of the range as (top, height); None without a range."""

    dots: tuple[tuple[float, float], ...]
    band: tuple[float, float] | None
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def path(self) -> str:
        """The points as a `points` attribute has them."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.dots)


def sparkline(values: Sequence[tuple[datetime, float]], usual: Range | None) -> Sparkline | None:
    """The drawing of some values, oldest first; None of fewer than two. Time goes to the right, more goes up."""
    if len(values) < 2:
        return None
    low, high = _bounds([value for _, value in values], usual)
    begun, gone = values[0][0], (values[-1][0] - values[0][0]).total_seconds() or 1.0

    def height(value: float) -> float:
        return round(_EDGE + (HEIGHT - 2 * _EDGE) * (high - value) / (high - low), 1)

    def across(moment: datetime) -> float:
        return round(_EDGE + (WIDTH - 2 * _EDGE) * (moment - begun).total_seconds() / gone, 1)

    dots = tuple((across(moment), height(value)) for moment, value in values)
    return Sparkline(dots, _band(usual, height))


def _bounds(values: Sequence[float], usual: Range | None) -> tuple[float, float]:
    """What the drawing spans: the values, and as much of the range as lies within one span of them."""
    low, high = min(values), max(values)
    reach = (high - low) or abs(high) or 1.0
    ends = [] if usual is None else [float(end) for end in (usual.low, usual.high) if end is not None]
    near = [end for end in ends if low - reach <= end <= high + reach]
    low, high = min([low, *near]), max([high, *near])
    return (low, high) if high > low else (low - reach, high + reach)


def _band(usual: Range | None, height: Callable[[float], float]) -> tuple[float, float] | None:
    if usual is None:
        return None
    top = 0.0 if usual.high is None else min(max(height(float(usual.high)), 0.0), float(HEIGHT))
    bottom = float(HEIGHT) if usual.low is None else min(max(height(float(usual.low)), 0.0), float(HEIGHT))
    return (top, round(bottom - top, 1)) if bottom > top else None
