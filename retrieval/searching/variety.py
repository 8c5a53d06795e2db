"""Ten copies of one normal report are not ten neighbours: of copies one, and of near equals those that show something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.keys import NO_SKETCH, near, near_reports

REPEAT_SHARE = 0.02
"""How much nearer a case must be for each neighbour already chosen with the same set of findings, as a share of the distance up
to which cases are comparable: distances of two encoders have no scale in common. A fixed .05 was more than the whole threshold
of images in a phantom library and took the nearest away (nDCG@5 .82 instead of .86 at this share, .88 without any)."""


@dataclass(frozen=True, slots=True)
class Trait:
    """What is looked at of a found row before its card is read."""

    report: int
    """The first 64 bits of the report's hash (`retrieval.keys.word`)."""
    image: int
    """Perceptual hash of the image."""
    findings: str
    """The keys of the findings, sorted, with commas between."""
    sketch: int = NO_SKETCH
    """Similarity hash of the report's words."""


def distinct(traits: Sequence[Trait], bits: int, most: int) -> list[int]:
    """Positions, ascending, of the first `most` that copy no earlier one among them.

    A copy has an equal report, a near-duplicate of it, or an image that differs in at most `bits` of 64 bits.
    """
    columns = np.array([[trait.report, trait.sketch, trait.image] for trait in traits], dtype=np.uint64).reshape(len(traits), 3).T
    reports, sketches, images = np.ascontiguousarray(columns)
    left = np.ones(len(traits), dtype=np.bool_)
    chosen: list[int] = []
    position = 0
    while len(chosen) < most and left.any():
        position = int(left.argmax())
        chosen.append(position)
        trait = traits[position]
        left[reports == trait.report] = False
        left[near(images, trait.image, bits)] = False
        left[near_reports(sketches, trait.sketch)] = False
    return chosen


def varied(distances: Sequence[float], findings: Sequence[str], count: int, cost: float) -> list[int]:
    """Positions of at most `count` cases, in the order given, which is nearest first.

    One after the other the case with the least distance plus `cost` for each case already chosen with the same findings;
    of equal ones the earlier.
    """
    repeats: Counter[str] = Counter()
    chosen: list[int] = []
    rest = list(range(len(distances)))
    while rest and len(chosen) < count:
        best = min(rest, key=lambda position: distances[position] + cost * repeats[findings[position]])
        rest.remove(best)
        chosen.append(best)
        repeats[findings[best]] += 1
    return sorted(chosen)
