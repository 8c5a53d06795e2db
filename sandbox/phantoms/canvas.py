"""The drawing surface: a square grid in body coordinates, smooth noise, curves and strokes.

Body coordinates: x runs from the patient's right (negative) to the left (positive), y from head to foot; the unit is the
side of the exposed field. The canvas shows a margin beyond the field, so that a tilted or shifted exposure still finds body there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

F32 = NDArray[np.float32]
Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Points = Sequence[tuple[float, float]]

MARGIN = 0.06
EXTENT = 1.0 + 2 * MARGIN


@dataclass(frozen=True, slots=True)
class Grid:
    """Pixel centres of the canvas in body coordinates: `x` is [1, size], `y` is [size, 1]."""

    size: int
    x: F32
    y: F32

    def to_pixels(self, points: Points, scale: int = 1) -> list[tuple[float, float]]:
        """Body coordinates to canvas pixel coordinates, on a canvas `scale` times as fine."""
        k = self.size * scale / EXTENT
        return [((x + EXTENT / 2) * k, (y + MARGIN) * k) for x, y in points]


def grid(size: int) -> Grid:
    """The canvas of `size` x `size` pixels."""
    step = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(EXTENT / size)
    return Grid(size, (step - np.float32(EXTENT / 2))[None, :], (step - np.float32(MARGIN))[:, None])


def stream(seed: int, purpose: int) -> np.random.Generator:
    """A random stream of its own for every (seed, purpose): one part's draws never move another's."""
    return np.random.Generator(np.random.PCG64([seed % (1 << 63), purpose]))


def smooth_noise(rng: np.random.Generator, cells: int, size: int) -> F32:
    """Zero-mean unit-variance noise drawn on `cells` x `cells` and interpolated to `size`: the same structure at any size."""
    coarse = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)


def step(distance: Floats, width: float) -> F32:
    """A soft step: 0 at -width and below, 1 at +width and above."""
    t = np.asarray(distance * np.float32(0.5 / width), dtype=np.float32)
    t += np.float32(0.5)
    np.clip(t, 0, 1, out=t)
    rounded = np.float32(3) - np.float32(2) * t
    t *= t
    t *= rounded
    return t


def swell(distance: Floats, width: float) -> F32:
    """The path length behind a rounded surface: 0 outside, rising steeply at the edge, saturating over `width`."""
    t = np.asarray(np.maximum(distance, 0), dtype=np.float32)
    t *= np.float32(-1 / width)
    np.exp(t, out=t)
    np.subtract(1, t, out=t)
    return t


def enlarged(layer: F32, size: int) -> F32:
    """A soft layer drawn small, at `size`."""
    if layer.shape[0] == size:
        return layer
    return np.array(Image.fromarray(layer).resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32)


def blob(g: Grid, centre: tuple[float, float], radii: tuple[float, float]) -> F32:
    """A Gaussian hump of height 1."""
    gx = np.exp(-0.5 * ((g.x - np.float32(centre[0])) / np.float32(radii[0])) ** 2)
    gy = np.exp(-0.5 * ((g.y - np.float32(centre[1])) / np.float32(radii[1])) ** 2)
    return np.asarray(gx * gy, dtype=np.float32)


def curve(points: Points, at: NDArray[np.float32], softness: int = 17) -> F32:
    """A smooth curve through (position, value) points, evaluated `at` positions; the corners are rounded."""
    knots = np.linspace(-0.3, 1.3, 321)
    raw = np.interp(knots, [p[0] for p in points], [p[1] for p in points])
    kernel = np.hanning(softness + 2)[1:-1]
    pad = softness // 2
    soft = np.convolve(np.pad(raw, pad, mode="edge"), kernel / kernel.sum(), mode="valid")
    return np.interp(at, knots, soft).astype(np.float32)


def spline(points: Points, count: int = 24) -> list[tuple[float, float]]:
    """A Catmull-Rom curve through the points, as a polyline."""
    p = np.asarray([points[0], *points, points[-1]], dtype=np.float64)
    t = np.linspace(0, 1, max(2, count // (len(points) - 1)), endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return [(float(x), float(y)) for x, y in np.concatenate([*pieces, p[-1:]])]


class Ink:
    """An 8-bit drawing layer at twice the canvas resolution; `layer` gives it back at canvas resolution, 0 .. 1."""

    SCALE = 2

    def __init__(self, g: Grid) -> None:
        self._grid = g
        self._image = Image.new("L", (g.size * self.SCALE, g.size * self.SCALE))
        self._draw = ImageDraw.Draw(self._image)

    def stroke(self, points: Points, width: float, level: float) -> None:
        """A line of `width` (body units) and `level` (0 .. 1); thinner than a pixel, it becomes fainter instead."""
        pixels = width * self._grid.size * self.SCALE / EXTENT
        ink = round(255 * min(1.0, level * min(1.0, pixels)))
        joint = "curve" if pixels > 5 else None
        self._draw.line(self._grid.to_pixels(points, self.SCALE), fill=ink, width=max(1, round(pixels)), joint=joint)

    def strokes(self, lines: NDArray[np.float64], widths: NDArray[np.float64], levels: NDArray[np.float64]) -> None:
        """Many lines of equally many points at once: `lines` [n, points, 2], `widths` and `levels` [n]."""
        k = self._grid.size * self.SCALE / EXTENT
        flat = ((lines + np.array((EXTENT / 2, MARGIN))) * k).reshape(len(lines), 2 * lines.shape[1]).tolist()
        pixels = widths * k
        inks = np.rint(255 * np.minimum(1, levels * np.minimum(1, pixels))).astype(int).tolist()
        for line, ink, width in zip(flat, inks, np.maximum(1, np.rint(pixels)).astype(int).tolist(), strict=True):
            self._draw.line(line, fill=ink, width=width)

    def fill(self, points: Points, level: float) -> None:
        """A filled polygon."""
        self._draw.polygon(self._grid.to_pixels(points, self.SCALE), fill=round(255 * min(1.0, level)))

    def disc(self, centre: tuple[float, float], radii: tuple[float, float], level: float) -> None:
        """A filled ellipse."""
        (x0, y0), (x1, y1) = self._grid.to_pixels(
            [(centre[0] - radii[0], centre[1] - radii[1]), (centre[0] + radii[0], centre[1] + radii[1])], self.SCALE
        )
        self._draw.ellipse((x0, y0, x1, y1), fill=round(255 * min(1.0, level)))

    def layer(self, blur: float = 0.0) -> F32:
        """The drawn layer, blurred by `blur` body units, as float [size, size]."""
        image = self._image.reduce(self.SCALE)
        radius = blur * self._grid.size / EXTENT
        if radius > 0.4:
            image = image.filter(ImageFilter.BoxBlur(1.6 * radius))
        return np.asarray(image, dtype=np.float32) * np.float32(1 / 255)
