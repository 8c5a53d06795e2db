"""The branching vascular texture of the lungs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandbox.phantoms.anatomy import Anatomy, Hemithorax
from sandbox.phantoms.canvas import F32, Grid, Ink, stream

F64 = NDArray[np.float64]
LEVELS = 5
STEPS = 3
FINEST = 0.0024
"""Vessels thinner than this blend into the texture and are not drawn."""


def _roots(rng: np.random.Generator, thorax: Hemithorax) -> tuple[F64, F64, F64, F64]:
    """Start points (s, y), directions, widths and lengths of the lobar vessels of one lung."""
    count = 11
    angle = np.linspace(-1.35, 1.45, count) + rng.normal(0, 0.10, count)
    hilum_y = thorax.level(0.50 if thorax.sign < 0 else 0.47)
    rows = (hilum_y + 0.035 * np.sin(angle)).astype(np.float32)
    start = np.stack([thorax.inner(rows).astype(np.float64) + 0.004, rows.astype(np.float64)], axis=1)
    reach = (thorax.dome - thorax.apex) * (0.165 + 0.035 * np.cos(angle)) * np.where(angle < 0, 0.95, 1.0)
    width = np.where(angle > 0.2, 0.0150, 0.0105) * rng.uniform(0.75, 1.15, count)
    return start, angle, width, reach


def _grow(rng: np.random.Generator, start: F64, angle: F64, reach: F64) -> tuple[list[F64], F64]:
    """Each branch as STEPS bent pieces; the points [STEPS + 1] of [n, 2], and the final directions."""
    points, at = [start], start
    for _ in range(STEPS):
        angle = angle + rng.normal(0, 0.13, angle.size)
        at = at + (reach / STEPS)[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        points.append(at)
    return points, angle


def _tree(rng: np.random.Generator, roots: tuple[F64, F64, F64, F64]) -> list[tuple[F64, F64]]:
    """All branches of one tree as (points [n, STEPS + 1, 2], widths [n]), trunks first."""
    start, angle, width, reach = roots
    levels = []
    for _ in range(LEVELS):
        points, angle = _grow(rng, start, angle, reach)
        levels.append((np.stack(points, axis=1), width))
        fork = rng.uniform(0.18, 0.50, angle.size)
        start = np.repeat(points[-1], 2, axis=0)
        angle = np.stack([angle - fork, angle + fork], axis=1).reshape(-1)
        share = rng.uniform(0.58, 0.80, (width.size, 2))
        width = (width[:, None] * share).reshape(-1)
        reach = np.repeat(reach, 2) * rng.uniform(0.55, 0.85, width.size)
    return levels


def _ink_tree(coarse: Ink, fine: Ink, tree: list[tuple[F64, F64]], sign: int) -> None:
    for points, widths in reversed(tree):
        lines = points * (sign, 1)
        levels = np.minimum(1.0, 0.25 + widths / 0.013)
        for ink, chosen in ((coarse, widths > 0.006), (fine, (widths <= 0.006) & (widths > FINEST))):
            ink.strokes(lines[chosen], widths[chosen], levels[chosen])


def _together(coarse: Ink, fine: Ink) -> F32:
    return np.asarray(0.9 * coarse.layer(0.0032) + 0.75 * fine.layer(0.0012), dtype=np.float32)


def vascular_layer(g: Grid, anatomy: Anatomy, seed: int) -> F32:
    """Vessels of both lungs, 0 .. 1 [size, size]; they run outside the lungs too and are to be masked by the air."""
    coarse, fine = Ink(g), Ink(g)
    for thorax, purpose in ((anatomy.right, 11), (anatomy.left, 12)):
        rng = stream(seed, purpose)
        _ink_tree(coarse, fine, _tree(rng, _roots(rng, thorax)), thorax.sign)
    return _together(coarse, fine)


def lateral_vascular_layer(g: Grid, hilum: tuple[float, float], seed: int) -> F32:
    """Vessels of both lungs seen from the side: they fan out all around the hilum."""
    rng, count = stream(seed, 13), 16
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.normal(0, 0.12, count)
    start = np.stack([hilum[0] + 0.02 * np.cos(angle), hilum[1] + 0.03 * np.sin(angle)], axis=1)
    roots = (start, angle, rng.uniform(0.006, 0.010, count), 0.11 + 0.035 * np.sin(angle))
    coarse, fine = Ink(g), Ink(g)
    _ink_tree(coarse, fine, _tree(rng, roots), 1)
    return _together(coarse, fine)
