"""Tubes, lines and the pacemaker: where they should lie, and where they should not."""

from __future__ import annotations

import numpy as np

from sandbox.phantoms.anatomy import Anatomy
from sandbox.phantoms.canvas import Ink, Mask, Points, spline, stream
from sandbox.phantoms.scene import Scene
from sandbox.phantoms.spec import DeviceName, PhantomSpec

TUBE_TIP_MM = (30.0, 55.0)
"""An endotracheal tube ends this far above the carina."""


def _tracheal(a: Anatomy, down_to: float) -> list[tuple[float, float]]:
    x, y = a.carina
    return [(0.004, -0.08), (0.15 * x, 0.03), (0.6 * x, 0.5 * y), (x * min(1.0, down_to / y), down_to)]


def _endotracheal(a: Anatomy, rng: np.random.Generator, wrong: bool) -> Points:
    x, y = a.carina
    if wrong:
        deep = float(rng.uniform(0.035, 0.06))
        return spline([*_tracheal(a, y - 0.025), (x - 0.032, y + 0.035), (x - 0.032 - 0.8 * deep, y + 0.035 + deep)], 40)
    return spline(_tracheal(a, y - a.units(float(rng.uniform(*TUBE_TIP_MM)))), 40)


def _nasogastric(a: Anatomy, rng: np.random.Generator, wrong: bool) -> Points:
    x, y = a.carina
    if wrong:
        end = a.right.level(float(rng.uniform(0.80, 0.95)))
        return spline(
            [*_tracheal(a, y - 0.03), (x - 0.035, y + 0.045), (x - 0.10, y + 0.12), (-0.17, 0.5 * (y + 0.12 + end)), (-0.19, end)], 60
        )
    dome = a.left.dome
    jitter = float(rng.uniform(-0.01, 0.01))
    return spline(
        [
            (0.008, -0.08),
            (0.012, 0.1),
            (a.shift + 0.016, y + 0.03),
            (a.shift + 0.022, dome - 0.08),
            (0.05, dome + 0.02),
            (0.11, dome + 0.09 + jitter),
            (0.15, dome + 0.13),
        ],
        60,
    )


def _central_line(a: Anatomy, rng: np.random.Generator, wrong: bool) -> Points:
    _, y = a.carina
    cava = a.shift - 0.048
    neck = [(-0.105, -0.08), (-0.095, 0.06), (-0.075, 0.17)]
    if not wrong:
        return spline([*neck, (cava, y - 0.05), (cava - 0.004, y + float(rng.uniform(0.01, 0.04)))], 40)
    if rng.random() < 0.5:
        # Introduced from the right subclavian vein, turned up into the jugular vein.
        return spline([(-0.34, 0.16), (-0.22, 0.195), (-0.12, 0.20), (-0.088, 0.14), (-0.098, 0.04), (-0.105, -0.03)], 40)
    deep = a.right.level(0.98)
    return spline([*neck, (cava, y), (cava - 0.01, 0.5 * (y + deep)), (a.shift + 0.02, deep - 0.03), (a.shift + 0.075, deep)], 50)


PATHS = {"endotracheal tube": _endotracheal, "nasogastric tube": _nasogastric, "central line": _central_line}


def _lay(made: Scene, device: DeviceName, path: Points) -> Mask:
    """Draws a device along `path`; gives where it lies, a little wider than it is."""
    a, ink = made.anatomy, Ink(made.grid)
    width = a.units({"endotracheal tube": 8.5, "nasogastric tube": 4.5, "central line": 2.6}[device] * (1 - 0.45 * a.childhood))
    if device == "endotracheal tube":
        ink.stroke(path, width, 0.42)
        ink.stroke(path, 0.62 * width, 0.10)
        ink.stroke([(x + 0.42 * width, y) for x, y in path], 0.0028, 1.0)
    else:
        ink.stroke(path, width, 0.62)
        if device == "nasogastric tube":
            ink.stroke(path, 0.45 * width, 0.30)
            ink.stroke(path, 0.0026, 0.9)
    made.extra += np.float32(0.20) * ink.layer(0.0007)
    return _around(made, path, max(width, 0.010))


def _around(made: Scene, path: Points, width: float) -> Mask:
    mask = Ink(made.grid)
    mask.stroke(path, width * 1.6, 1.0)
    return np.asarray(mask.layer() > 0.5)


def draw_devices(made: Scene, spec: PhantomSpec) -> None:
    """Draws the correctly placed devices of `spec`."""
    for number, device in enumerate(spec.devices):
        _lay(made, device, PATHS[device](made.anatomy, stream(spec.seed, 200 + number), False))


def draw_malpositioned(made: Scene, device: DeviceName, rng: np.random.Generator) -> Mask:
    """Draws a device where it must not lie; gives its ground truth."""
    return _lay(made, device, PATHS[device](made.anatomy, rng, True))


def draw_pacemaker(made: Scene, side: str, rng: np.random.Generator) -> Mask:
    """Draws a generator below the clavicle of `side` with an atrial and a ventricular lead; gives its ground truth."""
    a, ink, metal = made.anatomy, Ink(made.grid), Ink(made.grid)
    sign = 1 if side == "left" else -1
    x, y = sign * float(rng.uniform(0.25, 0.285)), a.right.apex + float(rng.uniform(0.09, 0.13))
    w, h = a.units(24), a.units(21)
    corner = [
        (x + w * np.sign(np.cos(t)) * abs(np.cos(t)) ** 0.5, y + h * np.sign(np.sin(t)) * abs(np.sin(t)) ** 0.55)
        for t in np.linspace(0, 2 * np.pi, 40)
    ]
    metal.fill(corner, 0.85)
    metal.disc((x - sign * 0.3 * w, y - 0.2 * h), (0.38 * w, 0.42 * h), 1.0)
    level, cava = a.right.level, a.shift - 0.046
    vein = [
        (x, y - h),
        (x - sign * 0.05, y - h - 0.03),
        (sign * 0.11, level(0.10)),
        (sign * 0.03, level(0.17)),
        (cava, level(0.36)),
        (cava - 0.004, level(0.58)),
    ]
    atrial = spline([*vein, (a.shift - 0.065, level(0.78)), (a.shift - 0.045, level(0.82)), (a.shift - 0.03, level(0.74))], 60)
    apex = a.shift + 0.72 * a.heart[1]
    ventricular = spline(
        [
            *vein,
            (a.shift - 0.055, level(0.80)),
            (a.shift, level(0.94)),
            (a.shift + 0.5 * (apex - a.shift), level(0.99)),
            (apex, level(0.97)),
        ],
        70,
    )
    mask = np.zeros((made.grid.size, made.grid.size), np.bool_)
    for lead in (atrial, ventricular):
        ink.stroke(lead, 0.0048, 0.85)
        ink.stroke(lead[-3:], 0.0080, 1.0)
        mask |= _around(made, lead, 0.009)
    case = metal.layer(0.0012)
    made.extra += np.float32(0.24) * ink.layer(0.0006) + np.float32(0.55) * case
    return np.asarray(mask | (case > 0.4))
