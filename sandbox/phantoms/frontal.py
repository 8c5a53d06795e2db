"""The healthy frontal chest: soft tissue, bones and lungs as attenuation (0 air around the body, about 1 abdomen)."""

from __future__ import annotations

import numpy as np

from sandbox.phantoms.anatomy import Anatomy
from sandbox.phantoms.canvas import F32, Grid, Ink, blob, curve, smooth_noise, spline, step, stream, swell
from sandbox.phantoms.scene import LungField, Scene

LUNG_DEPTH = 0.56
"""Attenuation a lung full of air lacks against the same chest full of water."""


def body(g: Grid, a: Anatomy) -> F32:
    """Soft tissue as if the lungs were airless."""
    chest = a.right.width + a.wall
    neck = 0.125 + 0.02 * a.childhood
    sh = a.shoulder
    outline = (
        (-0.3, neck),
        (0.015, neck),
        (sh - 0.02, 0.27),
        (sh + 0.03, 0.50),
        (0.30, 0.53),
        (0.36, chest + 0.03),
        (0.5, chest + 0.012),
        (0.75, chest),
        (1.3, chest + 0.01),
    )
    edge = curve(outline, g.y)
    thick = swell(edge - np.abs(g.x), 0.075)
    lower = step(g.y - 0.62, 0.16)
    centre = 0.5 + 0.5 * np.exp(-((g.x / np.float32(0.20)) ** 2))
    density = 0.76 + 0.04 * centre + 0.10 * lower
    arms = 0.10 * step(np.abs(g.x) - chest - 0.03, 0.05)
    return np.asarray(thick * (density - arms), dtype=np.float32)


def heart_and_vessels(g: Grid, a: Anatomy) -> F32:
    """What the heart, the aorta and the hila add to the soft tissue."""
    level = a.left.level
    right, left = a.heart
    centre = (a.shift + 0.45 * (left - right), level(0.84))
    out = 0.10 * blob(g, centre, (0.75 * (left + right) / 2, 0.15))
    out += 0.05 * blob(g, (a.shift + 0.045, level(0.32)), (0.022, 0.024))
    for thorax, low in ((a.right, 0.50), (a.left, 0.46)):
        rows = np.asarray([thorax.level(low)], dtype=np.float32)
        s = float(thorax.inner(rows)[0]) + 0.014
        out += 0.13 * blob(g, (thorax.sign * s, thorax.level(low)), (0.020, 0.036))
    return np.asarray(out, dtype=np.float32)


def airway(g: Grid, a: Anatomy) -> F32:
    """The lucent trachea and main bronchi, 0 .. 1."""
    ink, (x, y) = Ink(g), a.carina
    w = 0.040 - 0.008 * a.childhood
    ink.stroke(spline([(0.0, -0.1), (0.15 * x, 0.03), (0.6 * x, 0.5 * y), (x, y)]), w, 0.95)
    ink.stroke(spline([(x, y - 0.008), (x - 0.035, y + 0.045), (x - 0.075, y + 0.085)]), 0.70 * w, 0.8)
    ink.stroke(spline([(x, y - 0.008), (x + 0.045, y + 0.040), (x + 0.095, y + 0.070)]), 0.62 * w, 0.7)
    return ink.layer(0.007)


def spine(g: Grid, a: Anatomy) -> F32:
    """Vertebral bodies with endplates, pedicles and spinous processes."""
    half, pitch = 0.043 + 0.004 * a.childhood, np.float32(0.062)
    column = step(half - np.abs(g.x), 0.008)
    phase = (g.y / pitch + a.rib_phase) % 1
    disc = step(np.abs(phase - 0.5) - 0.36, 0.10)
    plates = np.exp(-(((np.abs(phase - 0.5) - 0.33) / 0.05) ** 2))
    out = column * (0.15 - 0.07 * disc + 0.035 * plates)
    row = np.exp(-(((phase - 0.45) / 0.16) ** 2))
    pedicle = np.exp(-(((np.abs(g.x) - 0.62 * half) / 0.008) ** 2))
    process = np.exp(-(((g.x + a.rotation) / 0.006) ** 2))
    return np.asarray(a.bone * (out + row * (0.05 * pedicle + 0.05 * process)), dtype=np.float32)


def _tube(offset: F32, half: float) -> F32:
    """A hollow bone across its width: soft edge, denser cortex."""
    e = np.abs(offset) * np.float32(1 / half)
    return np.asarray(np.clip((1.05 - e) * 4, 0, 1) * (0.55 + 0.45 * e**2), dtype=np.float32)


def ribs(lung: LungField, a: Anatomy) -> tuple[slice, F32]:
    """Posterior and anterior ribs of one side: the canvas rows they take, and their attenuation there in that side's columns."""
    t, pitch, y = lung.thorax, np.float32(a.rib_spacing), lung.y[:, 0]
    rows = slice(int(np.searchsorted(y, t.apex - 0.03)), int(np.searchsorted(y, t.angle + 0.11)))
    depth, reach, s = lung.y[rows] - t.apex, lung.outer[rows] + 0.012, lung.s
    u = np.clip((s - 0.04) / (t.width - 0.03), 0, 1.05)
    back = 0.055 * a.rib_slope * (2.2 * u**2.4 - 0.35 * np.sin(3.0 * u))
    behind = (depth - back - depth * (0.15 * a.rib_slope) * u**2) / pitch
    front = -0.06 + (1.05 - u) * (0.20 + 0.10 * a.rib_slope)
    ahead_row = np.abs(((depth - front) / (pitch * 1.12) + a.rib_phase) % 1 - 0.5)
    to_wall = reach - s
    inside = step(to_wall, 0.006) * step(s - 0.035, 0.006)
    span = step(depth + 0.005, 0.02) * (1 - 0.93 * step(lung.y[rows] - lung.dome - 0.03, 0.07))
    posterior = 0.098 * _tube(np.abs(behind % 1 - 0.5), 0.21) * (1 + 0.7 * np.clip(1 - to_wall * 22, 0, 1))
    anterior = 0.062 * _tube(ahead_row, 0.20) * step(u - 0.42, 0.12) * step(behind - 1.2, 0.5)
    return rows, np.asarray(a.bone * inside * span * (posterior + anterior), dtype=np.float32)


def girdle(g: Grid, a: Anatomy, ap: bool) -> F32:
    """Clavicles, scapulae and humeral heads."""
    ink, soft = Ink(g), Ink(g)
    top = a.right.apex
    for sign in (-1, 1):
        medial = sign * 0.035 - 1.6 * a.rotation
        rise = 0.055 if ap else 0.0
        line = [
            (medial, top + 0.105 - rise),
            (sign * 0.13, top + 0.068 - rise),
            (sign * 0.25, top - 0.012 - rise),
            (sign * 0.39, a.shoulder - 0.01 - 0.3 * rise),
        ]
        ink.stroke(spline(line, 15), 0.031, 0.85)
        ink.stroke(spline(line, 15), 0.020, 0.58)
        inset = 0.045 if ap else 0.0
        edge = [
            (sign * (0.415 - inset), a.shoulder + 0.03),
            (sign * (0.375 - inset), a.shoulder + 0.16),
            (sign * (0.385 - inset), a.shoulder + 0.30),
            (sign * (0.45 - inset), a.shoulder + 0.14),
            (sign * 0.48, a.shoulder + 0.05),
        ]
        soft.fill(edge, 0.32)
        soft.stroke(edge[:3], 0.007, 0.7)
        soft.disc((sign * 0.485, a.shoulder + 0.055), (0.055, 0.055), 0.55)
        soft.stroke([(sign * 0.495, a.shoulder + 0.07), (sign * 0.56, a.shoulder + 0.40)], 0.055, 0.5)
    return np.asarray(a.bone * (0.18 * ink.layer(0.0028) + 0.14 * soft.layer(0.005)), dtype=np.float32)


def soft_shadows(g: Grid, a: Anatomy) -> F32:
    """Breasts (or pectoral folds) and the gastric bubble."""
    out = np.zeros((g.size, g.size), np.float32)
    for sign in (-1, 1):
        if a.breast > 0:
            cx, cy = sign * 0.215, a.left.level(0.93)
            r = np.sqrt(((g.x - cx) / 0.155) ** 2 + ((g.y - cy) / (0.15 + 0.03 * a.breast)) ** 2)
            out += 0.085 * a.breast * swell(np.asarray(1 - r, np.float32), 0.35) * step(g.y - cy + 0.16, 0.14)
        else:
            out += 0.03 * (1 - a.childhood) * blob(g, (sign * 0.24, a.left.level(0.32)), (0.10, 0.10))
    if a.bubble > 0:
        x, y = 0.155, a.left.dome + 0.028 + a.bubble * 0.35
        out -= 0.24 * step(
            np.asarray(1 - np.sqrt(((g.x - x) / (0.02 + a.bubble)) ** 2 + ((g.y - y) / (0.35 * a.bubble + 0.008)) ** 2), np.float32), 0.5
        )
    out += 0.035 * blob(g, (-0.17, a.right.dome + 0.16), (0.16, 0.10))
    return out


def parenchyma(made: Scene, vessels: F32, seed: int) -> F32:
    """The lungs' own markings, as attenuation where there is air: vessels and a fine interstitial texture."""
    rng, size = stream(seed, 21), made.grid.size
    texture = 0.011 * smooth_noise(rng, 44, size) + 0.011 * smooth_noise(rng, 150, size)
    return np.asarray(made.vessels * 0.155 * vessels + texture, dtype=np.float32)
