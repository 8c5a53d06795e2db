"""From attenuation to a displayed radiograph: pose, scatter, noise, window, collimation and the side marker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from sandbox.phantoms.canvas import EXTENT, F32, MARGIN, Mask, stream
from sandbox.phantoms.spec import PhantomSpec

WHITE = 0.97
SHOULDER = np.float32(0.72)


@dataclass(frozen=True, slots=True)
class Exposure:
    """How one image was taken and processed."""

    tilt: float
    """In-plane rotation in radians."""
    offset: tuple[float, float]
    zoom: float
    low: float
    high: float
    gamma: float
    noise: float
    scatter: float
    flatten: float
    """Strength of the equalisation a digital system applies."""
    shutters: tuple[float, float, float, float]
    """Collimated share at left, top, right, bottom."""
    marker: str
    marker_at: tuple[float, float]


def expose(spec: PhantomSpec) -> Exposure:
    """Draws an exposure from the spec's seed; findings do not enter, so a finding never changes the window."""
    rng = stream(spec.seed, 31)
    portable = spec.view == "AP"
    large = {"slim": -1.0, "average": 0.0, "large": 1.0}[spec.subject.habitus]
    shutters = tuple(float(v) for v in np.where(rng.random(4) < 0.35, rng.uniform(0.01, 0.055, 4), 0.0))
    letter = str(rng.choice(["R", "L", ""], p=[0.35, 0.4, 0.25]))
    side = {"R": rng.uniform(0.07, 0.13), "L": rng.uniform(0.87, 0.93), "": 0.5}[letter]
    return Exposure(
        tilt=float(rng.normal(0, 0.028 if portable else 0.014)),
        offset=(float(rng.normal(0, 0.012)), float(rng.normal(0, 0.010))),
        zoom=float(rng.uniform(0.97, 1.06) + (0.02 if portable else 0)),
        low=float(rng.uniform(0.04, 0.19)),
        high=float(rng.uniform(0.94, 1.06)),
        gamma=float(rng.uniform(0.82, 1.25)),
        noise=float(rng.uniform(0.004, 0.011) * (1.4 if portable else 1.0) * (1 + 0.25 * large)),
        scatter=float(rng.uniform(0.03, 0.12) + (0.07 if portable else 0) + 0.03 * large),
        flatten=float(rng.uniform(0.0, 0.35)),
        shutters=(shutters[0], shutters[1], shutters[2], shutters[3]),
        marker=letter,
        marker_at=(float(side), float(rng.uniform(0.03, 0.12))),
    )


def _affine(e: Exposure, size: int) -> tuple[float, float, float, float, float, float]:
    """Image pixel to canvas pixel, as PIL's affine coefficients."""
    k = size / EXTENT
    c, s = np.cos(e.tilt) / e.zoom / EXTENT, np.sin(e.tilt) / e.zoom / EXTENT
    middle = (EXTENT / 2 + e.offset[0]) * k, (0.5 + MARGIN + e.offset[1]) * k
    half = size / 2
    return (float(c), float(-s), float(middle[0] - (c - s) * half), float(s), float(c), float(middle[1] - (s + c) * half))


def posed(layer: F32, e: Exposure) -> F32:
    """The layer as the detector sees it."""
    size = layer.shape[0]
    image = Image.fromarray(np.ascontiguousarray(layer, dtype=np.float32))
    return np.asarray(image.transform((size, size), Image.Transform.AFFINE, _affine(e, size), Image.Resampling.BILINEAR), dtype=np.float32)


def posed_mask(mask: Mask, e: Exposure) -> Mask:
    """A ground truth mask in the detector's frame."""
    size = mask.shape[0]
    image = Image.fromarray(mask.astype(np.uint8))
    return np.asarray(image.transform((size, size), Image.Transform.AFFINE, _affine(e, size), Image.Resampling.NEAREST), dtype=np.uint8) > 0


def _veil(attenuation: F32) -> F32:
    """The same image, very blurred: scattered radiation, and what equalisation takes away."""
    size = attenuation.shape[0]
    small = np.asarray(Image.fromarray(attenuation).resize((32, 32), Image.Resampling.BOX), dtype=np.float32)
    blurred = Image.fromarray((np.clip(small, 0, 1.6) * 150).astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
    wide = Image.fromarray(np.asarray(blurred, dtype=np.float32) * np.float32(1 / 150))
    return np.asarray(wide.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)


def _noise(seed: int, size: int) -> F32:
    """Detector noise with a short correlation, unit variance."""
    white = stream(seed, 32).standard_normal((size, size), dtype=np.float32)
    white[:, 1:] += np.float32(0.45) * white[:, :-1]
    white[1:] += np.float32(0.45) * white[:-1]
    return np.asarray(white * np.float32(0.83), dtype=np.float32)


LETTERS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "R": (((0, 2), (0, 0), (0.8, 0), (1.1, 0.3), (1.1, 0.7), (0.8, 1.0), (0, 1.0)), ((0.5, 1.0), (1.15, 2))),
    "L": (((0, 0), (0, 2), (1.1, 2)),),
}


def _mark(gray: F32, e: Exposure) -> None:
    """Lays the lead letter onto the image."""
    size = gray.shape[0]
    unit, side = 0.028 * size, max(8, round(0.045 * size))
    image = Image.new("L", (2 * side, 2 * side))
    draw = ImageDraw.Draw(image)
    for line in LETTERS.get(e.marker, ()):
        draw.line([(side * 0.3 + x * unit, side * 0.2 + y * unit) for x, y in line], fill=255, width=max(2, round(0.010 * size)))
    letter = np.asarray(image.reduce(2), dtype=np.float32) * np.float32(1 / 255)
    x, y = round(e.marker_at[0] * size), round(e.marker_at[1] * size)
    patch = gray[y : y + side, x : x + side]
    np.maximum(patch, letter[: patch.shape[0], : patch.shape[1]], out=patch)


def _shutter(gray: F32, e: Exposure) -> None:
    size = gray.shape[0]
    left, top, right, bottom = (round(v * size) for v in e.shutters)
    gray[:, :left], gray[:top] = 0, 0
    gray[:, size - right :], gray[size - bottom :] = 0, 0


def develop(attenuation: F32, spec: PhantomSpec, e: Exposure, bits: int) -> NDArray[np.uint16]:
    """The displayed pixels of `attenuation` (already posed): air dark, 0 .. 2**bits - 1."""
    size = attenuation.shape[0]
    veil = _veil(attenuation)
    # Noise grows with attenuation as fewer quanta arrive; at a finer pixel each gets fewer of them.
    grain = e.noise * float(np.sqrt(size / 512)) * (0.45 + 1.1 * np.clip(attenuation, 0, 1.2))
    seen = (1 - e.scatter) * attenuation + (e.scatter - e.flatten * 0.5) * veil + e.flatten * 0.28 + grain * _noise(spec.seed, size)
    gray = np.maximum((seen - e.low) * np.float32(1 / (e.high - e.low)), 0)
    # A shoulder instead of a bound: what is very dense stays distinguishable, as a display curve keeps it.
    gray = np.where(gray > SHOULDER, 1 - (1 - SHOULDER) * np.exp((SHOULDER - gray) * np.float32(1 / (1 - SHOULDER))), gray) ** np.float32(
        e.gamma
    )
    gray *= WHITE
    if e.marker:
        _mark(gray, e)
    _shutter(gray, e)
    return np.asarray(np.rint(gray * np.float32((1 << bits) - 1)), dtype=np.uint16)
