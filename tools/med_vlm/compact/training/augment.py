"""What training does to an image so that the model does not learn one exposure, one position or one noise level.

Never a left-right flip: sides are labels. Never an inversion: an inverted image is to be refused, not read.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from tools.med_vlm.compact.preprocess import normalise


def _rand(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=generator, device=generator.device)


def _randn(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=generator, device=generator.device)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> torch.Tensor:
    return _rand(generator, count) * (high - low) + low


def _grids(count: int, generator: torch.Generator) -> torch.Tensor:
    """Affine matrices [count, 2, 3]: up to 8 degrees, 12 % zoom and stretch, 6 % shift; one in five images stays as it is."""
    angle = _uniform(count, -8, 8, generator) * math.pi / 180
    zoom = _uniform(count, 0.9, 1.12, generator)
    stretch = _uniform(count, 0.95, 1.05, generator)
    shift = _rand(generator, count, 2) * 0.24 - 0.12
    moved = (_rand(generator, count) < 0.8).float()
    angle, shift = angle * moved, shift * moved[:, None]
    zoom, stretch = zoom * moved + (1 - moved), stretch * moved + (1 - moved)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    first = torch.stack([cosine * zoom * stretch, -sine * zoom, shift[:, 0]], 1)
    second = torch.stack([sine * zoom, cosine * zoom / stretch, shift[:, 1]], 1)
    return torch.stack([first, second], 1)


def _light(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    count, size = len(images), images.shape[-1]
    gamma = torch.exp(_uniform(count, -0.45, 0.45, generator)).view(-1, 1, 1, 1)
    images = images.clamp(1e-4, 1) ** gamma
    field = functional.interpolate(_randn(generator, count, 1, 3, 3) * 0.06, size=(size, size), mode="bicubic", align_corners=False)
    return images * (1 + field)


def _soften(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Blur three in ten images by going down to between a half and all of the resolution and back up."""
    size = images.shape[-1]
    small = int(size * float(_rand(generator, 1) * 0.45 + 0.5))
    chosen = (_rand(generator, len(images)) < 0.3).nonzero()[:, 0]
    if not len(chosen):
        return images
    down = functional.interpolate(images[chosen], size=(small, small), mode="bilinear", antialias=True, align_corners=False)
    images = images.clone()
    images[chosen] = functional.interpolate(down, size=(size, size), mode="bilinear", align_corners=False)
    return images


def _borders(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Black borders of up to 7 % on one in four images, as collimation and padding leave them."""
    size = images.shape[-1]
    widths = (_rand(generator, len(images), 4) * 0.07 * size).int()
    chosen = _rand(generator, len(images)) < 0.25
    for row in chosen.nonzero()[:, 0].tolist():
        top, bottom, left, right = widths[row].tolist()
        images[row, :, :top] = 0
        images[row, :, size - bottom :] = 0
        images[row, :, :, :left] = 0
        images[row, :, :, size - right :] = 0
    return images


def augment(images: torch.Tensor, masks: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Change images [n, 1, s, s] in 0..1 and move their masks [n, c, g, g] with them; seeded by `generator` alone, on its device."""
    matrices = _grids(len(images), generator)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    images = functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    mask_grid = functional.affine_grid(matrices, list(masks.shape), align_corners=False)
    masks = functional.grid_sample(masks, mask_grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    images = _soften(_light(images, generator), generator)
    noise = _uniform(len(images), 0, 0.05, generator).view(-1, 1, 1, 1)
    images = images + _randn(generator, *images.shape) * noise
    return normalise(_borders(images, generator)), masks
