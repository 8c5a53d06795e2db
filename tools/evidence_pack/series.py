"""A series of results in a few of its points: first, last, lowest, highest, and the two between which it moved most."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

Point = tuple[Decimal | None, str]
"""A result's value, None where it has no number, and its unit (UCUM code, else the unit's words)."""


def turning_points(newest: Sequence[Point]) -> frozenset[int]:
    """Positions of the results of one analyte, given newest first, that tell its course: at most six of each unit.

    Values of two units are two series, since none is converted here. Of results without a number the last and the first.

    >>> sorted(turning_points([(Decimal(n), "mg/dL") for n in (5, 4, 4, 9, 3, 3, 3)]))
    [0, 3, 4, 6]
    """
    units: dict[str, list[int]] = {}
    for position, (value, unit) in enumerate(newest):
        units.setdefault("" if value is None else f"in {unit}", []).append(position)
    return frozenset(position for positions in units.values() for position in _turning(newest, positions))


def _turning(newest: Sequence[Point], positions: list[int]) -> set[int]:
    values = {position: value for position in positions if (value := newest[position][0]) is not None}
    ends = {positions[0], positions[-1]}
    if len(values) < 3:
        return ends
    lowest, highest = min(positions, key=values.__getitem__), max(positions, key=values.__getitem__)
    pairs = list(pairwise(positions))
    return {*ends, lowest, highest, *max(pairs, key=lambda pair: abs(values[pair[0]] - values[pair[1]]))}
