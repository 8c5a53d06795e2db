"""The lateral chest: the patient faces the left of the image, both lungs lie over each other.

Findings are drawn with the signs they have in this view: a blunted posterior angle, retrosternal air, an opacity over its lobe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sandbox.phantoms.anatomy import Anatomy
from sandbox.phantoms.canvas import F32, Grid, Ink, Mask, Points, blob, curve, smooth_noise, spline, step, stream, swell
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec
from sandbox.phantoms.vessels import lateral_vascular_layer

HILUM = (0.025, 0.44)
DEPTH = 0.50
LOBE_AT: dict[str, tuple[float, float, float]] = {
    "right upper": (-0.02, 0.28, 0.12),
    "left upper": (-0.04, 0.30, 0.13),
    "right middle": (-0.11, 0.60, 0.09),
    "right lower": (0.15, 0.64, 0.13),
    "left lower": (0.15, 0.66, 0.13),
}
ZONE_AT = {"upper": (0.02, 0.25), "middle": (-0.10, 0.42), "lower": (0.14, 0.64)}


@dataclass(slots=True)
class Side:
    """The lateral scene under construction; arrays are [size, size]."""

    grid: Grid
    anatomy: Anatomy
    heart_radius: float
    front: F32
    back: F32
    floor: F32
    air: F32
    fill: F32
    extra: F32
    masks: dict[str, Mask] = field(default_factory=dict)

    def mark(self, key: str, mask: Mask) -> None:
        """Adds `mask` to the ground truth of `key`."""
        self.masks[key] = self.masks[key] | mask if key in self.masks else mask


def _start(g: Grid, a: Anatomy) -> Side:
    """Two clear lungs from the side."""
    deep = 1 + 0.8 * (a.wall - 0.055)
    front = -curve(((-0.3, 0.10), (0.10, 0.13), (0.20, 0.19), (0.45, 0.245 * deep), (0.75, 0.265 * deep), (1.3, 0.26)), g.y)
    back = curve(((-0.3, 0.14), (0.10, 0.15), (0.25, 0.235), (0.5, 0.27), (0.8, 0.25), (1.3, 0.24)), g.y)
    rise = a.right.dome - 0.70
    floor = (
        curve(((-0.3, 0.74), (-0.25, 0.735), (-0.10, 0.675), (0.02, 0.675), (0.12, 0.735), (0.20, 0.83), (0.26, 0.90), (0.35, 0.92)), g.x)
        + rise
    )
    top = curve(((-0.3, 0.30), (-0.18, 0.24), (-0.08, 0.15), (0.05, 0.12), (0.14, 0.15), (0.22, 0.24), (0.3, 0.30)), g.x)
    air = swell(g.x - front, 0.05) * swell(back - g.x, 0.05) * step(floor - g.y, 0.008) * step(g.y - top, 0.03)
    air = air * (0.62 + 0.38 * step(g.y - 0.30, 0.16))
    shape = (g.size, g.size)
    radius = 0.122 * (a.cardiothoracic_ratio / 0.45) ** 1.3
    return Side(g, a, radius, front, back, floor, np.asarray(air, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def _body(made: Side) -> F32:
    """Soft tissue, heart, spine, sternum and ribs."""
    g, a = made.grid, made.anatomy
    skin = a.wall * 0.8
    belly = 0.05 * step(g.y - 0.75, 0.2)
    thick = swell(g.x - made.front + skin + belly, 0.08) * swell(made.back + 0.055 - g.x, 0.08)
    out = thick * (0.80 + 0.12 * step(g.y - 0.66, 0.2) + 0.13 * step(0.24 - g.y, 0.12))
    if a.breast > 0:
        r = np.sqrt(((g.x + 0.30) / 0.10) ** 2 + ((g.y - 0.62) / 0.15) ** 2)
        out += 0.16 * a.breast * swell(np.asarray(1 - r, np.float32), 0.4)
    arm = step(np.asarray(0.12 - np.abs(g.x - 0.02 + 0.6 * (g.y - 0.1)), np.float32), 0.05) * step(0.17 - g.y, 0.08)
    out += 0.14 * arm
    out += 0.05 * blob(g, (0.06, 0.30), (0.10, 0.06))
    return np.asarray(out, dtype=np.float32)


def _heart(made: Side) -> F32:
    """Signed depth of the heart's silhouette: positive inside, in body units."""
    g, r = made.grid, made.heart_radius
    x, y = -0.115 + 0.25 * (r - 0.122), 0.585 + (made.anatomy.right.dome - 0.70)
    u, v = (g.x - x) + 0.35 * (g.y - y), (g.y - y) - 0.25 * (g.x - x)
    return np.asarray((1 - np.sqrt((u / r) ** 2 + (v / (1.25 * r)) ** 2)) * r, dtype=np.float32)


def _bones(made: Side) -> F32:
    """Spine, sternum and the ribs of both sides."""
    g, a = made.grid, made.anatomy
    line = curve(((-0.3, 0.08), (0.05, 0.10), (0.25, 0.165), (0.5, 0.195), (0.8, 0.165), (1.3, 0.13)), g.y)
    phase = (g.y / np.float32(0.062) + a.rib_phase) % 1
    disc = step(np.abs(phase - 0.5) - 0.36, 0.10)
    out = step(0.038 - np.abs(g.x - line), 0.010) * (0.13 - 0.08 * disc)
    out += 0.05 * np.exp(-((np.abs(g.x - line - 0.075) / 0.012) ** 2)) * (1 - disc)
    sternum = made.front - 0.004
    out += 0.13 * step(0.012 - np.abs(g.x - sternum), 0.006) * step(g.y - 0.22, 0.02) * step(0.60 - g.y, 0.02)
    row = np.abs(((g.y - 0.45 * (0.25 - g.x) - 0.5 * (0.25 - g.x) ** 2) / np.float32(a.rib_spacing * 0.9) + a.rib_phase) % 1 - 0.5)
    rib = np.clip((1.05 - row / 0.19) * 4, 0, 1) * (0.5 + 0.5 * (row / 0.19) ** 2)
    inside = (
        step(g.x - made.front - 0.02, 0.02)
        * step(made.back + 0.015 - g.x, 0.008)
        * step(made.floor + 0.03 - g.y, 0.05)
        * step(g.y - 0.14, 0.03)
    )
    return np.asarray(a.bone * (out + 0.055 * rib * inside), dtype=np.float32)


def _airway(made: Side) -> F32:
    ink = Ink(made.grid)
    ink.stroke(spline([(-0.01, -0.08), (-0.005, 0.1), (0.015, 0.28), (0.025, 0.40)]), 0.036, 0.95)
    ink.disc((0.028, 0.43), (0.015, 0.015), 1.0)
    return ink.layer(0.006)


def _opacity(made: Side, key: str, centre: tuple[float, float, float], strength: float, rng: np.random.Generator) -> None:
    """A ragged opacity around `centre` (x, y, radius)."""
    g, (x, y, radius) = made.grid, centre
    rough = 1 + 0.15 * smooth_noise(rng, 26, g.size)
    r = np.sqrt(((g.x - x) / radius) ** 2 + ((g.y - y) / radius) ** 2) * rough
    share = step(np.asarray(1.05 - r, np.float32), 0.4)
    made.fill += (1 - made.fill) * strength * share
    made.mark(key, (share > 0.4) & (made.air > 0.12))


def _effusion(f: DrawnFinding, made: Side, rng: np.random.Generator) -> None:
    """Fluid in the posterior angle, climbing along the back wall."""
    g = made.grid
    low = {"small": 0.83, "moderate": 0.70, "large": 0.52}[f.size] + (made.anatomy.right.dome - 0.70) + float(rng.uniform(-0.015, 0.015))
    level = low - {"small": 0.05, "moderate": 0.12, "large": 0.16}[f.size] * np.exp(-np.maximum(made.back - g.x, 0) / 0.05)
    fluid = step(np.asarray(g.y - level, np.float32), 0.025)
    made.fill += (1 - made.fill) * 0.85 * fluid
    made.mark(f.key, (fluid > 0.5) & (made.air > 0.06))


def _pneumothorax(f: DrawnFinding, made: Side, rng: np.random.Generator) -> None:
    """Retrosternal air with a pleural line behind it."""
    g, gap = made.grid, {"small": 0.035, "moderate": 0.07, "large": 0.11}[f.size] * float(rng.uniform(0.9, 1.1))
    away = np.asarray(made.front + gap - g.x - 0.25 * np.maximum(g.y - 0.55, 0), np.float32)
    beyond = step(away, 0.004) * step(made.air - 0.03, 0.03)
    made.extra += 0.06 * np.exp(-((away / 0.0032) ** 2)) * step(made.air - 0.1, 0.1) - 0.07 * beyond
    for key in ("pneumothorax", "tension_pneumothorax") if f.key == "tension_pneumothorax" else (f.key,):
        made.mark(key, (beyond > 0.5) & (made.air > 0.1))


def _consolidation(f: DrawnFinding, made: Side, rng: np.random.Generator) -> None:
    for lobe in (f.lobe,) if f.lobe else ("right lower", "left lower"):
        x, y, radius = LOBE_AT[lobe]
        scale = {"small": 0.6, "moderate": 0.9, "large": 1.3}[f.size]
        _opacity(made, f.key, (x, y, radius * scale), 0.55, rng)


def _atelectasis(f: DrawnFinding, made: Side, rng: np.random.Generator) -> None:
    for lobe in (f.lobe,) if f.lobe else ("right lower", "left lower"):
        x, y, _ = LOBE_AT[lobe]
        ink, tilt = Ink(made.grid), float(rng.uniform(-0.05, 0.05))
        ink.stroke([(x - 0.08, y - tilt), (x + 0.08, y + tilt)], 0.045 if f.size == "large" else 0.011, 0.95)
        band = ink.layer(0.003)
        made.extra += 0.15 * band * np.minimum(1.6 * made.air, 1)
        made.mark(f.key, (band > 0.25) & (made.air > 0.08))


def _cardiomegaly(f: DrawnFinding, made: Side, rng: np.random.Generator) -> None:
    del rng
    made.mark(f.key, _heart(made) > 0)


def _edema(f: DrawnFinding, made: Side, rng: np.random.Generator) -> None:
    _opacity(made, f.key, (*HILUM, 0.21), {"small": 0.25, "moderate": 0.38, "large": 0.52}[f.size], rng)


def _nodule(f: DrawnFinding, made: Side, rng: np.random.Generator) -> None:
    x, y = ZONE_AT[f.zone or "middle"]
    x, y = x + float(rng.uniform(-0.03, 0.03)), y + float(rng.uniform(-0.02, 0.02))
    radius = made.anatomy.units(float(f.diameter_mm or 10)) / 2
    r = np.sqrt((made.grid.x - x) ** 2 + (made.grid.y - y) ** 2) / radius
    made.extra += (0.13 + 0.006 * float(f.diameter_mm or 10)) * np.sqrt(np.clip(1.1 - r**2, 0, 1)).astype(np.float32)
    made.mark(f.key, np.asarray(r < 1, dtype=np.bool_))


def _wire(made: Side, path: Points, millimetres: float, level: float) -> Mask:
    ink, wide = Ink(made.grid), Ink(made.grid)
    ink.stroke(path, made.anatomy.units(millimetres), 0.9)
    wide.stroke(path, 0.015, 1.0)
    made.extra += np.float32(level) * ink.layer(0.0007)
    return np.asarray(wide.layer() > 0.5)


PLACED: dict[str, tuple[tuple[float, float], ...]] = {
    "endotracheal tube": ((-0.01, -0.08), (-0.003, 0.1), (0.012, 0.28), (0.016, 0.30)),
    "nasogastric tube": ((0.03, -0.08), (0.045, 0.2), (0.075, 0.5), (0.06, 0.68), (-0.02, 0.78), (-0.10, 0.82)),
    "central line": ((-0.05, -0.08), (-0.045, 0.12), (-0.035, 0.30), (-0.03, 0.40)),
}
MISPLACED: dict[str, tuple[tuple[float, float], ...]] = {
    "endotracheal tube": ((-0.01, -0.08), (-0.003, 0.1), (0.015, 0.28), (0.025, 0.42), (0.05, 0.49)),
    "nasogastric tube": ((-0.01, -0.08), (-0.003, 0.1), (0.015, 0.28), (0.03, 0.43), (0.10, 0.56), (0.15, 0.68)),
    "central line": ((-0.05, -0.08), (-0.045, 0.12), (-0.035, 0.40), (-0.06, 0.55), (-0.15, 0.64)),
}
BORE = {"endotracheal tube": 8.0, "nasogastric tube": 4.5, "central line": 2.6}


def _malpositioned(f: DrawnFinding, made: Side, rng: np.random.Generator) -> None:
    del rng
    name = f.device or "central line"
    made.mark(f.key, _wire(made, spline(list(MISPLACED[name]), 40), BORE[name], 0.16))


def _pacemaker(f: DrawnFinding, made: Side, rng: np.random.Generator) -> None:
    metal, x, y = Ink(made.grid), -0.235 + float(rng.uniform(-0.01, 0.01)), 0.24
    metal.disc((x, y), (0.014, 0.05), 1.0)
    case = metal.layer(0.001)
    made.extra += 0.5 * case
    atrial = spline([(x, y - 0.05), (-0.10, 0.17), (-0.03, 0.30), (-0.03, 0.48), (-0.08, 0.53), (-0.11, 0.50)], 50)
    ventricular = spline([(x, y - 0.05), (-0.10, 0.17), (-0.035, 0.30), (-0.035, 0.52), (-0.10, 0.63), (-0.19, 0.65)], 50)
    made.mark(f.key, _wire(made, atrial, 2.0, 0.24) | _wire(made, ventricular, 2.0, 0.24) | (case > 0.4))


DRAWERS: dict[str, Callable[[DrawnFinding, Side, np.random.Generator], None]] = {
    "pleural_effusion": _effusion,
    "pneumothorax": _pneumothorax,
    "tension_pneumothorax": _pneumothorax,
    "consolidation": _consolidation,
    "cardiomegaly": _cardiomegaly,
    "pulmonary_edema": _edema,
    "nodule": _nodule,
    "atelectasis": _atelectasis,
    "malpositioned_device": _malpositioned,
    "pacemaker": _pacemaker,
}


def draw_lateral(g: Grid, a: Anatomy, spec: PhantomSpec) -> tuple[F32, dict[str, Mask]]:
    """The attenuation [size, size] of the lateral view on the canvas, and the ground truth masks."""
    made = _start(g, a)
    for number, finding in enumerate(spec.findings):
        DRAWERS[finding.key](finding, made, stream(spec.seed, 100 + number))
    for device in spec.devices:
        _wire(made, spline(list(PLACED[device]), 40), BORE[device], 0.14)
    rng = stream(spec.subject.seed, 22)
    texture = 0.012 * smooth_noise(rng, 44, g.size) + 0.010 * smooth_noise(rng, 150, g.size)
    markings = texture + 0.085 * lateral_vascular_layer(g, HILUM, spec.subject.seed)
    heart = swell(_heart(made), 0.05)
    aerated = made.air * (1 - made.fill) * (1 - 0.68 * heart)
    out = _body(made) + 0.10 * blob(g, HILUM, (0.035, 0.045)) - 0.09 * _airway(made)
    out += aerated * (markings - DEPTH) + _bones(made) + made.extra
    return np.asarray(out, dtype=np.float32), made.masks
