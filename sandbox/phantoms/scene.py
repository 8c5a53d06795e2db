"""The frontal chest while it is being drawn: the arrays that findings change before they are put together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sandbox.phantoms.anatomy import Anatomy, Hemithorax
from sandbox.phantoms.canvas import F32, Grid, Ink, Mask, step, swell

OVERLAP = 0.24
"""How far past the midline a side's columns reach: a mediastinum may be pushed there."""


@dataclass(frozen=True, slots=True)
class LungField:
    """One lung on the canvas, in its own columns. Arrays are [rows, columns of this side]."""

    thorax: Hemithorax
    columns: slice
    s: F32
    """[1, columns]: distance from the midline outwards."""
    y: F32
    outer: F32
    inner: F32
    dome: F32
    air: F32
    """0 .. 1: how much air the beam passes."""

    @property
    def inside(self) -> Mask:
        """Where there is lung to see."""
        return np.asarray(self.air > 0.2)


@dataclass(slots=True)
class Scene:
    """The arrays under construction, all [size, size]."""

    grid: Grid
    anatomy: Anatomy
    lungs: dict[str, LungField]
    fill: F32
    """0 .. 1: how much of the lung's air is replaced by fluid or collapsed tissue."""
    vessels: F32
    """Factor on the vascular markings."""
    extra: F32
    """Attenuation added on top: lines, nodules, metal."""
    masks: dict[str, Mask] = field(default_factory=dict)

    def add_fill(self, lung: LungField, amount: F32) -> None:
        """Replaces `amount` (0 .. 1) of the air of one lung that is still there."""
        view = self.fill[:, lung.columns]
        view += (1 - view) * np.clip(amount, 0, 1) * step(lung.air - 0.02, 0.02)

    def mark(self, key: str, mask: Mask) -> None:
        """Adds `mask` to the ground truth of finding `key`."""
        known = self.masks.get(key)
        self.masks[key] = mask if known is None else known | mask

    def mark_lung(self, key: str, lung: LungField, mask: Mask) -> None:
        """The same for a mask in the columns of one lung; nothing past the spine's midline is marked."""
        whole = np.zeros((self.grid.size, self.grid.size), dtype=np.bool_)
        whole[:, lung.columns] = mask & (lung.s > 0.0)
        self.mark(key, whole)


def lung_field(g: Grid, thorax: Hemithorax) -> LungField:
    """Draws the air of one lung."""
    x = g.x[0]
    keep = np.flatnonzero(thorax.sign * x > -OVERLAP)
    columns = slice(int(keep[0]), int(keep[-1]) + 1)
    s = np.asarray(thorax.sign * g.x[:, columns], dtype=np.float32)
    outer, inner, dome = thorax.outer(g.y), thorax.inner(g.y), thorax.diaphragm(s)
    medial = swell(s - inner, 0.030)
    behind_heart = 0.17 * step(s - 0.045, 0.03) * step(g.y - thorax.level(0.45), 0.06)
    air = swell(outer - s, 0.045) * np.maximum(medial, behind_heart)
    air *= step(dome - g.y, 0.006) * (0.55 + 0.45 * swell(dome - g.y, 0.05)) * step(g.y - thorax.apex, 0.014)
    air *= 0.72 + 0.28 * step(g.y - thorax.level(0.30), 0.22)
    return LungField(thorax, columns, s, g.y, outer, inner, dome, np.asarray(air, dtype=np.float32))


def scene(g: Grid, anatomy: Anatomy) -> Scene:
    """A scene with two clear lungs."""
    shape = (g.size, g.size)
    lungs = {"right": lung_field(g, anatomy.right), "left": lung_field(g, anatomy.left)}
    return Scene(g, anatomy, lungs, np.zeros(shape, np.float32), np.ones(shape, np.float32), np.zeros(shape, np.float32))


def total_air(made: Scene) -> F32:
    """The air of both lungs on the whole canvas."""
    air = np.zeros((made.grid.size, made.grid.size), np.float32)
    for lung in made.lungs.values():
        view = air[:, lung.columns]
        np.maximum(view, lung.air, out=view)
    return air


def stroke_layer(made: Scene, lines: list[tuple[list[tuple[float, float]], float, float]], blur: float = 0.0012) -> F32:
    """Draws (points, width, level) strokes and gives the layer."""
    ink = Ink(made.grid)
    for points, width, level in lines:
        ink.stroke(points, width, level)
    return ink.layer(blur)
