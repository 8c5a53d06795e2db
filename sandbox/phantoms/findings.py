"""Findings: what each does to the geometry, what it draws into the scene, and where its ground truth lies.

Appearances follow textbook signs: the meniscus of an effusion, the pleural line of a pneumothorax, the shift of a tension
pneumothorax away from its side, air bronchograms, bat-wing oedema with Kerley B lines, a cardiothoracic ratio above 0.55.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fhir.codes import FINDING
from sandbox.phantoms.anatomy import CARDIOMEGALY_RATIO, Displacement, childhood
from sandbox.phantoms.canvas import F32, smooth_noise, step
from sandbox.phantoms.devices import draw_malpositioned, draw_pacemaker
from sandbox.phantoms.errors import SpecRefused
from sandbox.phantoms.scene import LungField, Scene, stroke_layer
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec

NODULE_MM = (5, 40)
INSIDE_LUNG = ("nodule", "consolidation", "atelectasis")


def sides(finding: DrawnFinding) -> tuple[str, ...]:
    """The hemithoraces a finding is drawn in."""
    return ("right", "left") if finding.side == "bilateral" else (finding.side or "right",)


def check(spec: PhantomSpec) -> None:
    """Raises SpecRefused for a finding outside the vocabulary, or one that contradicts itself or another."""
    for finding in spec.findings:
        _check_one(finding)
    places = [
        (f.key, side)
        for f in spec.findings
        for side in sides(f)
        if f.key not in ("nodule", "consolidation", "atelectasis", "malpositioned_device")
    ]
    if len(set(places)) != len(places):
        raise SpecRefused("the same finding is drawn twice on one side")
    tension = [side for key, side in places if key == "tension_pneumothorax"]
    if len(tension) > 1 or any(("pneumothorax", side) in places for side in tension):
        raise SpecRefused("a tension pneumothorax is one-sided and already contains the pneumothorax of its side")
    gone = {
        side
        for f in spec.findings
        if f.key == "tension_pneumothorax" or (f.key == "pneumothorax" and f.size == "large")
        for side in sides(f)
    }
    if gone & {side for f in spec.findings if f.key in INSIDE_LUNG for side in sides(f)}:
        raise SpecRefused("a finding of the lung cannot be drawn where that lung is collapsed by a large pneumothorax")
    if set(spec.devices) & {f.device for f in spec.findings}:
        raise SpecRefused("a device cannot lie both where it should and where it should not")


def _check_one(finding: DrawnFinding) -> None:
    known = FINDING.get(finding.key)
    if known is None:
        raise SpecRefused("unknown finding key")
    if known.lateral and finding.side is None:
        raise SpecRefused(f"{finding.key} needs a side")
    if finding.lobe is not None and finding.side != finding.lobe.split()[0]:
        raise SpecRefused("the lobe lies on the other side")
    if finding.key in ("consolidation", "atelectasis") and finding.lobe is None and finding.side != "bilateral":
        raise SpecRefused(f"{finding.key} needs a lobe")
    if finding.key == "nodule" and (finding.zone is None or finding.diameter_mm is None or finding.side == "bilateral"):
        raise SpecRefused("a nodule needs a zone, a diameter and one side")
    if finding.diameter_mm is not None and not NODULE_MM[0] <= finding.diameter_mm <= NODULE_MM[1]:
        raise SpecRefused(f"a nodule measures {NODULE_MM[0]} to {NODULE_MM[1]} mm")
    if finding.key == "malpositioned_device" and finding.device is None:
        raise SpecRefused("a malpositioned device needs to be named")


def displacement(spec: PhantomSpec) -> Displacement:
    """How the findings of `spec` move the borders of the chest."""
    shift, ratio = 0.0, None
    dome = {"right": 0.0, "left": 0.0}
    for f in spec.findings:
        way = {"right": 1.0, "left": -1.0}.get(f.side or "", 0.0)
        if f.key == "tension_pneumothorax":
            shift += way * {"small": 0.060, "moderate": 0.075, "large": 0.095}[f.size]
            dome[f.side or "right"] += 0.055
        elif f.key == "pleural_effusion" and f.size == "large":
            shift += way * 0.028
        elif f.key == "atelectasis" and f.size == "large":
            shift -= way * 0.040
            dome[f.side or "right"] -= 0.045
        elif f.key == "cardiomegaly":
            ratio = _ratio(spec, f)
    return Displacement(shift=shift, heart_ratio=ratio, dome_right=dome["right"], dome_left=dome["left"])


def _ratio(spec: PhantomSpec, finding: DrawnFinding) -> float:
    """The cardiothoracic ratio of an enlarged heart; an infant's heart is wide already, so it must be wider to count."""
    enlarged = {"small": 0.575, "moderate": 0.615, "large": 0.675}[finding.size]
    return max(enlarged, CARDIOMEGALY_RATIO + 0.02) + 0.05 * childhood(spec.subject.age)


def _texture(made: Scene, rng: np.random.Generator, cells: int = 26) -> F32:
    """Patchy noise around 1."""
    size = made.grid.size
    return np.asarray(1 + 0.16 * smooth_noise(rng, cells, size) + 0.10 * smooth_noise(rng, 3 * cells, size), dtype=np.float32)


def _effusion(f: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    """Fluid with a meniscus that climbs along the chest wall; a small one only blunts the angle."""
    for name in sides(f):
        lung = made.lungs[name]
        t, dome, angle = lung.thorax, lung.thorax.dome, lung.thorax.angle
        low = {"small": angle - 0.045, "moderate": dome - 0.06, "large": dome - 0.27}[f.size] + float(rng.uniform(-0.02, 0.015))
        rise = {"small": 0.055, "moderate": 0.13, "large": 0.17}[f.size]
        from_wall = np.maximum(lung.outer - lung.s, 0)
        level = low - rise * np.exp(-from_wall / 0.045) - 0.02 * np.exp(-np.maximum(lung.s - lung.inner, 0) / 0.03)
        fluid = step(np.asarray(lung.y - level, np.float32), {"small": 0.014, "moderate": 0.030, "large": 0.040}[f.size])
        made.add_fill(lung, 0.97 * fluid)
        made.mark_lung(f.key, lung, (fluid > 0.5) & (lung.air > 0.08) & (lung.s < t.width + 0.02))


def _rim(lung: LungField, f: DrawnFinding, rng: np.random.Generator) -> F32:
    """Distance outwards from the visceral pleura of a lung that has come away from the wall at its apex."""
    height, share = lung.thorax.dome - lung.thorax.apex, float(rng.uniform(0.9, 1.15))
    narrow = {"small": 0.036, "moderate": 0.10}[f.size] * share
    sink = {"small": 0.075, "moderate": 0.12}[f.size] * height * share
    # It collects at the apex: lower down the lung reaches the wall again.
    fade = {"small": 0.50, "moderate": 0.95}[f.size]
    still = 1 - np.clip((lung.y - lung.thorax.apex) / (fade * height), 0, 1) ** 2
    away = lung.thorax.outer(lung.y, sink=sink, narrow=narrow)
    pleura = lung.outer + (away - lung.outer) * still
    top = lung.thorax.apex + sink
    over = np.sqrt(np.maximum(top + 0.02 - lung.y, 0) * 0.10)
    return np.asarray(np.maximum(lung.s - pleura, over * 2 - 0.09 * (lung.y > top - 0.002)), dtype=np.float32)


def _collapsed(lung: LungField, f: DrawnFinding, rng: np.random.Generator) -> F32:
    """The same for a lung collapsed around its hilum, as an egg-shaped stump."""
    tension = f.key == "tension_pneumothorax"
    t, share = lung.thorax, float(rng.uniform(0.9, 1.12))
    middle, half = t.level(0.60), (0.30 if tension else 0.40) * (t.dome - t.apex) * share
    root = t.inner(np.asarray([middle], np.float32))[0]
    width = (0.115 if tension else 0.155) * share
    lean = 0.25 * (lung.y - middle)
    q = np.sqrt(((lung.s - root - lean) / width) ** 2 + ((lung.y - middle) / half) ** 2)
    return np.asarray((q - 1) * width, dtype=np.float32)


def _pneumothorax(f: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    """Air between lung and wall: no vessels, a thin pleural line, the lung behind it denser as it collapses."""
    tension = f.key == "tension_pneumothorax"
    for name in sides(f):
        lung = made.lungs[name]
        away = _collapsed(lung, f, rng) if tension or f.size == "large" else _rim(lung, f, rng)
        beyond = step(away, 0.004) * step(lung.air - 0.03, 0.03)
        collapse = 0.46 if tension else {"small": 0.0, "moderate": 0.08, "large": 0.30}[f.size]
        made.add_fill(lung, collapse * (1 - beyond) * step(lung.air - 0.05, 0.05))
        made.vessels[:, lung.columns] *= 1 - beyond
        line = 0.075 * np.exp(-((away / 0.0032) ** 2)) * step(np.asarray(lung.outer - lung.s - 0.006, np.float32), 0.006)
        made.extra[:, lung.columns] += line * step(lung.air - 0.1, 0.1) - 0.085 * beyond * np.minimum(1.4 * lung.air, 1)
        region = (beyond > 0.5) & lung.inside
        made.mark_lung("pneumothorax", lung, region)
        if tension:
            made.mark_lung(f.key, lung, region)


def _lobe(lung: LungField, lobe: str) -> F32:
    """How much each pixel belongs to a lobe, seen from the front (lobes overlap there)."""
    t, y, s = lung.thorax, lung.y, lung.s
    minor = t.level(0.56) + 0.02 * np.sin(8 * s)
    if lobe in ("right upper",):
        return step(np.asarray(minor - y, np.float32), 0.008)
    if lobe == "left upper":
        return step(np.asarray(t.level(0.66) - y + 0.10 * (0.2 - s), np.float32), 0.09)
    if lobe == "right middle":
        medial = 1 - step(np.asarray(s - 0.20 - 0.4 * (y - t.level(0.6)), np.float32), 0.08)
        return np.asarray(step(np.asarray(y - minor, np.float32), 0.008) * medial, dtype=np.float32)
    fissure = t.level(0.62) - 0.18 * (s - 0.1)
    return step(np.asarray(y - fissure, np.float32), 0.07)


LOBE_CENTRE: dict[str, tuple[float, float]] = {
    "right upper": (0.17, 0.34),
    "right middle": (0.14, 0.76),
    "right lower": (0.21, 0.88),
    "left upper": (0.18, 0.36),
    "left lower": (0.22, 0.86),
}


def _bronchograms(made: Scene, lung: LungField, rng: np.random.Generator) -> F32:
    """Air-filled bronchi that fork from the hilum outwards, 0 .. 1."""
    t, lines = lung.thorax, []
    hilum = (float(t.inner(np.asarray([t.level(0.5)], np.float32))[0]), t.level(0.50))
    for angle in np.linspace(-1.2, 1.35, 8) + rng.normal(0, 0.12, 8):
        bend = float(rng.normal(0, 0.5))
        stem = [(hilum[0] + r * np.cos(angle + bend * r), hilum[1] + r * np.sin(angle + bend * r)) for r in np.linspace(0.03, 0.12, 5)]
        lines.append(([(t.sign * s, float(y)) for s, y in stem], 0.0060, 0.8))
        for fork in (angle - 0.32, angle + 0.28):
            twig = [(stem[-1][0] + r * np.cos(fork), stem[-1][1] + r * np.sin(fork)) for r in (0.0, 0.03, float(rng.uniform(0.045, 0.075)))]
            lines.append(([(t.sign * s, float(y)) for s, y in twig], 0.0038, 0.6))
    return stroke_layer(made, lines, 0.0030)[:, lung.columns]


def _extent(made: Scene, lung: LungField, lobe: str, f: DrawnFinding, rng: np.random.Generator) -> F32:
    """Opacity of one consolidated lobe, 0 .. 1."""
    centre, t = LOBE_CENTRE[lobe], lung.thorax
    reach = {"small": 0.085, "moderate": 0.14, "large": 0.26}[f.size]
    at = (centre[0] + float(rng.normal(0, 0.015)), t.level(centre[1]) + float(rng.normal(0, 0.015)))
    r = np.sqrt(((lung.s - at[0]) / reach) ** 2 + ((lung.y - at[1]) / (0.9 * reach)) ** 2).astype(np.float32)
    ragged = r * _texture(made, rng)[:, lung.columns]
    return np.asarray(step(1.05 - ragged, 0.42) * _lobe(lung, lobe), dtype=np.float32)


def _consolidation(f: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    """Airspace opacity of a lobe with air bronchograms."""
    lobes = (f.lobe,) if f.lobe else ("right lower", "left lower")
    for lobe in lobes:
        lung = made.lungs[lobe.split()[0]]
        share = _extent(made, lung, lobe, f, rng)
        strength = {"small": 0.60, "moderate": 0.72, "large": 0.82}[f.size] * float(rng.uniform(0.92, 1.1))
        made.add_fill(lung, strength * share * (1 - 0.42 * _bronchograms(made, lung, rng)))
        made.vessels[:, lung.columns] *= 1 - 0.75 * share
        made.mark_lung(f.key, lung, (share > 0.4) & (lung.air > 0.12))


def _atelectasis(f: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    """Plate-like bands, or with size large the collapse of a lobe."""
    lobes = (f.lobe,) if f.lobe else ("right lower", "left lower")
    for lobe in lobes:
        lung = made.lungs[lobe.split()[0]]
        if f.size == "large":
            _collapse(f, made, lung, lobe)
        else:
            _plates(f, made, lung, lobe, rng)


def _collapse(f: DrawnFinding, made: Scene, lung: LungField, lobe: str) -> None:
    """A lobe shrunk to a wedge: against the mediastinum above, behind the heart and above the diaphragm below."""
    t = lung.thorax
    if lobe.endswith("upper"):
        edge = t.level(0.36) - 0.30 * (lung.s - 0.05) + 1.1 * np.maximum(0.12 - lung.s, 0)
        wedge = step(np.asarray(edge - lung.y, np.float32), 0.012)
    else:
        edge = 0.035 + np.maximum(lung.inner, 0.05) + 0.30 * np.maximum(lung.y - t.level(0.60), 0)
        wedge = step(np.asarray(edge - lung.s, np.float32), 0.016) * step(np.asarray(lung.y - t.level(0.58), np.float32), 0.03)
    made.add_fill(lung, 0.85 * wedge)
    made.mark_lung(f.key, lung, (wedge > 0.5) & (lung.air > 0.08))


def _plates(f: DrawnFinding, made: Scene, lung: LungField, lobe: str, rng: np.random.Generator) -> None:
    """One to three thin oblique bands."""
    t, count = lung.thorax, {"small": 1, "moderate": 3, "large": 3}[f.size]
    base = {"upper": 0.42, "middle": 0.72, "lower": 0.86}[lobe.split()[1]]
    lines = []
    for k in range(count):
        s0, y0 = float(rng.uniform(0.13, 0.17)), t.level(base) - 0.045 * k + float(rng.uniform(-0.015, 0.02))
        length, rise = float(rng.uniform(0.11, 0.17)), float(rng.uniform(-0.035, 0.02))
        bow = float(rng.uniform(-0.006, 0.006))
        path = [(s0 + length * u, y0 + rise * u + bow * np.sin(np.pi * u)) for u in np.linspace(0, 1, 7)]
        lines.append(([(t.sign * s, float(y)) for s, y in path], float(rng.uniform(0.007, 0.013)), 0.95))
    band = stroke_layer(made, lines, 0.0022)[:, lung.columns]
    made.extra[:, lung.columns] += 0.17 * band * np.minimum(1.6 * lung.air, 1)
    made.mark_lung(f.key, lung, (band > 0.25) & (lung.air > 0.1))


def _cardiomegaly(f: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    """The heart was widened with the geometry; its silhouette is the truth."""
    del rng
    a = made.anatomy
    for lung in made.lungs.values():
        t = lung.thorax
        heart = (lung.s < lung.inner) & (lung.s > -0.02) & (lung.y > t.level(0.52)) & (lung.y < np.maximum(lung.dome, a.right.dome) + 0.02)
        made.mark_lung(f.key, lung, heart)


def _edema(f: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    """Perihilar haze, wide upper vessels and Kerley B lines, on both sides."""
    strength = {"small": 0.32, "moderate": 0.48, "large": 0.66}[f.size]
    patch = _texture(made, rng, 34)
    for lung in made.lungs.values():
        t = lung.thorax
        r = np.sqrt(((lung.s - 0.13) / 0.155) ** 2 + ((lung.y - t.level(0.62)) / (0.42 * (t.dome - t.apex))) ** 2).astype(np.float32)
        haze = np.exp(-(r**2.4) * 0.8) * np.clip(patch[:, lung.columns], 0.4, 1.8)
        made.add_fill(lung, np.asarray(strength * haze + 0.10 * strength, np.float32))
        made.vessels[:, lung.columns] *= 1 + 0.55 * strength * step(np.asarray(t.level(0.75) - lung.y, np.float32), 0.15)
        made.extra[:, lung.columns] += 0.055 * _kerley(made, lung, rng) * np.minimum(1.5 * lung.air, 1)
        made.mark_lung(f.key, lung, (haze > 0.42) & lung.inside)


def _kerley(made: Scene, lung: LungField, rng: np.random.Generator) -> F32:
    """Short horizontal lines that touch the pleura of the lower lung, 0 .. 1 in the columns of the lung."""
    t, lines = lung.thorax, []
    for y in np.arange(t.level(0.72), t.angle - 0.03, 0.013):
        wall = float(t.outer(np.asarray([y], np.float32))[0])
        length = float(rng.uniform(0.025, 0.05))
        lines.append(
            ([(t.sign * (wall - 0.004), float(y)), (t.sign * (wall - length), float(y) + float(rng.normal(0, 0.002)))], 0.0028, 0.9)
        )
    return stroke_layer(made, lines, 0.0008)[:, lung.columns]


def nodule_place(f: DrawnFinding, lung: LungField, rng: np.random.Generator) -> tuple[float, float]:
    """(s, y) of a nodule's centre: inside the named zone, clear of the heart and the chest wall."""
    low, high = {"upper": (0.22, 0.36), "middle": (0.45, 0.62), "lower": (0.74, 0.90)}[f.zone or "middle"]
    y = lung.thorax.level(float(rng.uniform(low, high)))
    row = np.asarray([y], np.float32)
    inner, outer = float(lung.thorax.inner(row)[0]), float(lung.thorax.outer(row)[0])
    return inner + (outer - inner) * float(rng.uniform(0.42, 0.68)), y


def _nodule(f: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    """A round opacity; its thickness is that of a sphere with a slightly irregular edge."""
    lung = made.lungs[f.side or "right"]
    s, y = nodule_place(f, lung, rng)
    radius = made.anatomy.units(float(f.diameter_mm or 10)) / 2
    angle = np.arctan2(lung.y - y, lung.s - s)
    lobed = 1 + 0.06 * np.sin(3 * angle + float(rng.uniform(0, 6))) + 0.04 * np.sin(5 * angle + float(rng.uniform(0, 6)))
    r = np.sqrt((lung.s - s) ** 2 + (lung.y - y) ** 2) / (radius * lobed)
    ball = np.sqrt(np.clip(1.10 - r**2, 0, 1))
    height = 0.15 + 0.0065 * float(f.diameter_mm or 10)
    made.extra[:, lung.columns] += (height * ball).astype(np.float32)
    made.mark_lung(f.key, lung, np.asarray(r < 1, dtype=np.bool_))


def _malpositioned(f: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    made.mark(f.key, draw_malpositioned(made, f.device or "central line", rng))


def _pacemaker(f: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    made.mark(f.key, draw_pacemaker(made, f.side or "left", rng))


Drawer = Callable[[DrawnFinding, Scene, np.random.Generator], None]

DRAWERS: dict[str, Drawer] = {
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


def draw(finding: DrawnFinding, made: Scene, rng: np.random.Generator) -> None:
    """Draws one finding into the scene and marks its ground truth."""
    DRAWERS[finding.key](finding, made, rng)
