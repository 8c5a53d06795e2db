"""The chest of one subject in one exposure, as numbers: where every border lies, in the unit of the exposed field.

Proportions follow ordinary radiographic anatomy: a cardiothoracic ratio below 0.5 in adults (up to about 0.55 in infants),
the right hemidiaphragm higher than the left, the carina at about 0.43 of the way from apex to dome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandbox.phantoms.canvas import F32, curve, stream
from sandbox.phantoms.errors import SpecRefused
from sandbox.phantoms.spec import PhantomSpec, Subject

ADULT_FIELD_MM = 410.0
CARDIOMEGALY_RATIO = 0.55
"""The cardiothoracic ratio above which a drawn heart counts as enlarged."""


@dataclass(frozen=True, slots=True)
class Hemithorax:
    """One side of the chest. Distances `s` are measured from the midline outwards, so both sides read alike."""

    sign: int
    """-1 for the patient's right (image left), +1 for the left."""
    apex: float
    dome: float
    angle: float
    """y of the costophrenic angle."""
    width: float
    """Distance of the inner chest wall at its widest."""
    border: tuple[tuple[float, float], ...]
    """(y, s) of the mediastinal and cardiac border."""

    def level(self, t: float) -> float:
        """Height at the fraction `t` of the way from apex (0) to dome (1)."""
        return self.apex + t * (self.dome - self.apex)

    def outer(self, y: F32, *, sink: float = 0.0, narrow: float = 0.0) -> F32:
        """Distance of the inner chest wall (or, with `sink` and `narrow`, of a lung that has come away from it) at rows `y`."""
        apex = self.apex + sink
        t = np.clip((y - apex) / (self.angle - 0.02 - apex), 0, 1)
        reach = np.sqrt(np.clip(1 - (1 - t) ** 2.1, 0, 1))
        return np.asarray(0.07 + (self.width - narrow - 0.07) * reach, dtype=np.float32)

    def inner(self, y: F32) -> F32:
        """Distance of the mediastinal border at rows `y`; negative where the mediastinum is pushed past the midline."""
        return curve(self.border, y)

    def diaphragm(self, s: F32) -> F32:
        """Height of the hemidiaphragm at distances `s`."""
        peak = 0.5 * self.width
        u = np.clip((s - peak) / (self.width - peak), -1, 1.15)
        drop = np.where(u > 0, np.abs(u) ** 2.3, 0.30 * u**2)
        return np.asarray(self.dome + (self.angle - self.dome) * drop, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Anatomy:
    """Everything that places the structures of one chest."""

    right: Hemithorax
    left: Hemithorax
    field_mm: float
    childhood: float
    """1 in the newborn, 0 from adolescence on."""
    ageing: float
    """0 until 45, 1 at 90."""
    shift: float
    """Displacement of the mediastinum, positive to the patient's left."""
    rotation: float
    carina: tuple[float, float]
    heart: tuple[float, float]
    """Half widths of the heart to the patient's right and left of the midline."""
    wall: float
    """Thickness of the soft tissue outside the ribs."""
    shoulder: float
    rib_spacing: float
    rib_slope: float
    rib_phase: float
    bone: float
    breast: float
    """Size of the breast shadows, 0 for none."""
    bubble: float
    """Width of the gastric bubble, 0 for none."""

    @property
    def cardiothoracic_ratio(self) -> float:
        """Transverse heart width over inner chest width."""
        return sum(self.heart) / (self.right.width + self.left.width)

    def units(self, millimetres: float) -> float:
        """Millimetres to body units."""
        return millimetres / self.field_mm

    def side(self, name: str) -> Hemithorax:
        """The hemithorax called "right" or "left"."""
        return self.right if name == "right" else self.left


@dataclass(frozen=True, slots=True)
class Displacement:
    """What findings do to the geometry: they move borders before anything is drawn."""

    shift: float = 0.0
    heart_ratio: float | None = None
    dome_right: float = 0.0
    dome_left: float = 0.0


def check(subject: Subject) -> None:
    """Raises SpecRefused for a subject the generator does not draw."""
    if not 0 <= subject.age <= 110:
        raise SpecRefused("age must lie between 0 and 110 years")


def childhood(age: int) -> float:
    """How child-like the proportions are: 1 at birth, 0 from 15 years on."""
    return float(np.clip(1 - age / 15, 0, 1) ** 1.3)


def field_mm(subject: Subject, scale: float) -> float:
    """Side of the exposed field in millimetres: about 190 in the newborn, 410 in the adult."""
    small = childhood(subject.age)
    body = {"slim": 0.95, "average": 1.0, "large": 1.06}[subject.habitus]
    return (ADULT_FIELD_MM * (1 - small) + 190.0 * small) * body * scale


def _heart_ratio(spec: PhantomSpec, small: float, old: float, rng: np.random.Generator) -> float:
    base = rng.uniform(0.385, 0.465) + 0.055 * small + 0.012 * old
    return float(base + (0.022 if spec.view == "AP" else 0.0))


def _borders(levels: Levels, heart: tuple[float, float], knob: float, thymus: float) -> tuple[tuple[tuple[float, float], ...], ...]:
    """The (fraction, s) outlines of the right and the left mediastinal border, top to bottom."""
    hr, hl = heart
    top = levels.top
    right = (
        (-0.3, top),
        (0.05, top),
        (0.25, top + 0.012 + thymus),
        (0.40, top + 0.018 + thymus * 0.8),
        (0.50, top + 0.028),
        (0.60, max(0.66 * hr, top + 0.02)),
        (0.74, 0.94 * hr),
        (0.86, hr),
        (0.98, 0.97 * hr),
        (1.12, 0.86 * hr),
        (1.5, 0.8 * hr),
    )
    left = (
        (-0.3, top),
        (0.05, top),
        (0.20, top + 0.010 + thymus),
        (0.31, top + knob),
        (0.37, top + knob * 0.92),
        (0.43, top + 0.022 + thymus * 0.6),
        (0.52, top + 0.036),
        (0.62, max(0.60 * hl, top + 0.04)),
        (0.74, 0.82 * hl),
        (0.88, 0.97 * hl),
        (0.98, hl),
        (1.08, 0.95 * hl),
        (1.2, 0.8 * hl),
        (1.5, 0.75 * hl),
    )
    return right, left


@dataclass(frozen=True, slots=True)
class Levels:
    """Vertical positions shared by both sides."""

    apex: float
    dome: float
    top: float


def _placed(border: tuple[tuple[float, float], ...], sign: int, apex: float, dome: float, shift: float) -> tuple[tuple[float, float], ...]:
    """Fractions to y, and the mediastinal shift applied: none at the neck, all of it from the carina down."""

    def moved(t: float, s: float) -> tuple[float, float]:
        weight = float(np.clip((t + 0.05) / 0.40, 0, 1))
        return apex + t * (dome - apex), s + sign * shift * weight

    return tuple(moved(t, s) for t, s in border)


def build(spec: PhantomSpec, moved: Displacement) -> Anatomy:
    """The anatomy of `spec` with its borders displaced by `moved`.

    Raises:
        SpecRefused: the subject's age is out of range.
    """
    check(spec.subject)
    subject = spec.subject
    body, pose = stream(subject.seed, 1), stream(spec.seed, 2)
    small, old = childhood(subject.age), float(np.clip((subject.age - 45) / 45, 0, 1))
    supine = spec.view == "AP"
    large = {"slim": -1.0, "average": 0.0, "large": 1.0}[subject.habitus]

    width = body.uniform(0.345, 0.383) + (0.008 if subject.sex == "male" else -0.008) + 0.004 * large
    field = field_mm(subject, pose.uniform(0.95, 1.06))
    apex = body.uniform(0.115, 0.15) + pose.uniform(-0.02, 0.02)
    dome = body.uniform(0.69, 0.745) + pose.uniform(-0.045, 0.04) - (0.035 if supine else 0) - 0.025 * large - 0.03 * small
    rotation = float(pose.normal(0, 0.009))
    ratio = _heart_ratio(spec, small, old, body)
    if moved.heart_ratio is not None:
        ratio = max(ratio + 0.03, moved.heart_ratio)
    heart_width = ratio * 2 * width
    lean = body.uniform(0.31, 0.37)
    heart = (float(heart_width * lean), float(heart_width * (1 - lean)))
    levels = Levels(apex, dome, body.uniform(0.046, 0.058) + 0.008 * supine + 0.006 * max(large, 0) + 0.012 * small)
    knob = body.uniform(0.022, 0.036) + 0.020 * old - 0.016 * small
    thymus = body.uniform(0.0, 0.06) * (1.0 if subject.age < 2 else 0.0)
    borders = _borders(levels, heart, float(knob), float(thymus))
    shift = moved.shift + rotation
    angle_drop = body.uniform(0.105, 0.135) - 0.03 * small - 0.02 * supine
    left_low = body.uniform(0.012, 0.03)
    dome_r, dome_l = dome + moved.dome_right, dome + left_low + moved.dome_left
    angle_r = dome + angle_drop + 0.4 * moved.dome_right
    angle_l = dome + left_low + angle_drop + 0.4 * moved.dome_left

    right = Hemithorax(-1, apex, dome_r, max(angle_r, dome_r + 0.035), width, _placed(borders[0], -1, apex, dome, shift))
    left = Hemithorax(1, apex + 0.004, dome_l, max(angle_l, dome_l + 0.035), width, _placed(borders[1], 1, apex, dome, shift))
    has_breasts = subject.sex == "female" and subject.age >= 13
    return Anatomy(
        right=right,
        left=left,
        field_mm=field,
        childhood=small,
        ageing=old,
        shift=shift,
        rotation=rotation,
        carina=(shift - 0.008, apex + 0.43 * (dome - apex)),
        heart=heart,
        wall=float(body.uniform(0.045, 0.06) + 0.03 * large + 0.006),
        shoulder=float(body.uniform(0.09, 0.14) + 0.02 * supine),
        rib_spacing=float(body.uniform(0.070, 0.080) * (dome - apex) / 0.55),
        rib_slope=float(body.uniform(0.75, 1.15) * (1 - 0.7 * small)),
        rib_phase=float(body.uniform(0, 1)),
        bone=float(body.uniform(0.85, 1.15) * (1 - 0.30 * old) * (1 - 0.25 * small)),
        breast=float(body.uniform(0.6, 1.1) + 0.25 * large) if has_breasts else 0.0,
        bubble=float(max(0.0, body.uniform(-0.03, 0.08))),
    )
