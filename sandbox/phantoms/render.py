"""A spec becomes a picture: geometry, anatomy, findings, devices, then the exposure."""

from __future__ import annotations

import numpy as np

from sandbox.phantoms import frontal
from sandbox.phantoms.anatomy import Anatomy, build
from sandbox.phantoms.canvas import F32, Mask, enlarged, grid, stream
from sandbox.phantoms.devices import draw_devices
from sandbox.phantoms.errors import FormatRefused
from sandbox.phantoms.exposure import develop, expose, posed, posed_mask
from sandbox.phantoms.findings import check, displacement, draw
from sandbox.phantoms.lateral import draw_lateral
from sandbox.phantoms.scene import Scene, scene, total_air
from sandbox.phantoms.spec import Phantom, PhantomSpec
from sandbox.phantoms.vessels import vascular_layer

SIZES = (64, 4096)
SOFT_SIZE = 256


def anatomy_of(spec: PhantomSpec) -> Anatomy:
    """The geometry that `spec` is drawn with, findings included.

    Raises:
        SpecRefused: the spec contradicts itself.
    """
    check(spec)
    return build(spec, displacement(spec))


def _soft(a: Anatomy, size: int) -> F32:
    """Everything without a sharp edge, drawn small and enlarged: it looks the same and takes a quarter of the time."""
    g = grid(min(size, SOFT_SIZE))
    return enlarged(frontal.body(g, a) + frontal.heart_and_vessels(g, a) + frontal.soft_shadows(g, a), size)


def _frontal(made: Scene, spec: PhantomSpec) -> F32:
    """Puts the frontal chest together; fills `made.masks`."""
    g, a = made.grid, made.anatomy
    for number, finding in enumerate(spec.findings):
        draw(finding, made, stream(spec.seed, 100 + number))
    draw_devices(made, spec)
    air = total_air(made)
    out = _soft(a, g.size)
    out -= 0.13 * frontal.airway(g, a) * (1 - air)
    aerated = air * (1 - made.fill)
    out += aerated * (frontal.parenchyma(made, vascular_layer(g, a, spec.subject.seed), spec.subject.seed) - frontal.LUNG_DEPTH)
    bones = frontal.spine(g, a) + frontal.girdle(g, a, spec.view == "AP")
    for lung in made.lungs.values():
        rows, drawn = frontal.ribs(lung, a)
        bones[rows, lung.columns] += drawn
    out += bones * (0.45 + 0.55 * air)
    return np.asarray(out + made.extra, dtype=np.float32)


def attenuation(spec: PhantomSpec, size: int) -> tuple[F32, dict[str, Mask], Anatomy]:
    """The attenuation image [size, size] of `spec` as the detector meets it, before exposure; its ground truth; its anatomy.

    Raises:
        SpecRefused: the spec contradicts itself or the vocabulary.
    """
    g, a, e = grid(size), anatomy_of(spec), expose(spec)
    if spec.view == "LATERAL":
        drawn, masks = draw_lateral(g, a, spec)
    else:
        made = scene(g, a)
        drawn, masks = _frontal(made, spec), made.masks
    return posed(drawn, e), {key: posed_mask(mask, e) for key, mask in masks.items()}, a


def render(spec: PhantomSpec, *, size: int = 512, bits: int = 12) -> Phantom:
    """Draws `spec` as a square radiograph of `size` x `size` pixels.

    Raises:
        SpecRefused: the spec contradicts itself or the vocabulary.
        FormatRefused: `bits` is not 12 or 16, or `size` is out of range.
    """
    if bits not in (12, 16):
        raise FormatRefused("bits must be 12 or 16")
    if not SIZES[0] <= size <= SIZES[1]:
        raise FormatRefused(f"size must lie between {SIZES[0]} and {SIZES[1]}")
    e = expose(spec)
    image, masks, a = attenuation(spec, size)
    return Phantom(spec, develop(image, spec, e, bits), bits, a.field_mm / e.zoom / size, masks)
