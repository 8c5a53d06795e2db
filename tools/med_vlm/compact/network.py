"""The network: a plain residual image tower with GroupNorm, a map of finding logits and a projection into the text space.

BatchNorm statistics made the metrics of the prototype jump, ConvNeXt learned slowly from scratch; so plain 3x3
convolutions and GroupNorm. Small findings need the fine map, large ones the coarse stage: both meet at stride 16.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

TEXT_DIMENSION = 384
"""Dimension of all-MiniLM-L6-v2, whose space the projection enters."""


MIDLINE = 100.0
"""How sharply a column belongs to one half. At 30 a strong cell still showed through in the other half (measured)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Everything that determines the network's parameters."""

    size: int = 192
    widths: tuple[int, int, int, int] = (40, 96, 208, 352)
    blocks: tuple[int, int, int, int] = (1, 2, 3, 1)
    neck: int = 208
    findings: int = 10
    views: int = 3
    domain: bool = False
    """Whether the network also says if an image is a radiograph or a drawn phantom."""

    @property
    def cells(self) -> int:
        """Rows and columns of the map of finding logits."""
        return math.ceil(self.size / 16)


@dataclass(frozen=True, slots=True)
class Output:
    """What the network says of a batch of n images, c findings and a map of h x w cells."""

    cells: torch.Tensor
    """[n, c, h, w] logits of the map."""
    logits: torch.Tensor
    """[n, c] logits of the image."""
    halves: torch.Tensor
    """[n, c, 2] logits of the patient's right (image left) and the patient's left."""
    view: torch.Tensor
    """[n, views] logits."""
    embedding: torch.Tensor
    """[n, 384] unit length, in the text space."""
    texture: torch.Tensor
    """[n, 4 * t] mean of each of the t channels of the second stage in the four quarters of the image: what there is, and where. Empty in
    training."""
    domain: torch.Tensor
    """[n] logits of being a radiograph rather than a drawn phantom; minus infinity where the network was taught no difference."""


class Block(nn.Module):
    """Two 3x3 convolutions with GroupNorm beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.GroupNorm(8, outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.GroupNorm(8, outputs)
        same = inputs == outputs and stride == 1
        self.shortcut: nn.Module = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, inputs, h, w] to [n, outputs, h/stride, w/stride]."""
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(y)) + self.shortcut(x))


def _stage(inputs: int, outputs: int, blocks: int, stride: int = 2) -> nn.Sequential:
    return nn.Sequential(*(Block(inputs if i == 0 else outputs, outputs, stride if i == 0 else 1) for i in range(blocks)))


def soft_maximum(cells: torch.Tensor, weight: torch.Tensor | None = None, sharpness: float = 4.0) -> torch.Tensor:
    """Log-mean-exp over the map: [n, c, h, w] to [n, c]; `weight` [w] says how much each column counts."""
    scaled = cells.float() * sharpness
    if weight is not None:
        scaled = scaled + weight.clamp_min(1e-30).log()
        count = cells.shape[-2] * float(weight.sum())
    else:
        count = float(cells.shape[-2] * cells.shape[-1])
    return (scaled.flatten(2).logsumexp(2) - math.log(count)) / sharpness


def _quarters(x: torch.Tensor) -> torch.Tensor:
    return functional.adaptive_avg_pool2d(x.float(), 2).flatten(1)


class CompactNet(nn.Module):
    """About five million parameters; see `Shape`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        first, second, third, fourth = shape.widths
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, first, 3, 2, 1, bias=False), nn.GroupNorm(8, first), nn.ReLU())
        self.stage1 = _stage(first, first, shape.blocks[0], stride=1)
        self.stage2 = _stage(first, second, shape.blocks[1])
        self.stage3 = _stage(second, third, shape.blocks[2])
        self.stage4 = _stage(third, fourth, shape.blocks[3])
        self.coarse = nn.Conv2d(fourth, shape.neck, 1)
        self.neck = nn.Sequential(nn.Conv2d(shape.neck, shape.neck, 3, 1, 1, bias=False), nn.GroupNorm(8, shape.neck), nn.ReLU())
        self.cell_head = nn.Conv2d(shape.neck, shape.findings, 1)
        self.global_head = nn.Linear(fourth, shape.findings)
        self.scale = nn.Parameter(torch.ones(shape.findings))
        self.view_head = nn.Linear(fourth, shape.views)
        if shape.domain:
            self.domain_head = nn.Linear(fourth, 1)
        self.projection = nn.Linear(fourth + shape.neck, TEXT_DIMENSION)
        self.log_temperature = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        if self.cell_head.bias is not None:
            nn.init.constant_(self.cell_head.bias, -3.0)

    def forward(self, images: torch.Tensor) -> Output:
        """Read a batch [n, 1, s, s] of prepared images in 0..1; s may differ from the shape's size."""
        middle = self.stage2(self.stage1(self.stem((images - 0.5) * 4)))
        fine = self.stage3(middle)
        deep = self.stage4(fine)
        wide = functional.interpolate(self.coarse(deep), size=fine.shape[-2:], mode="nearest")
        neck = self.neck(fine + wide)
        pooled = deep.float().mean((2, 3))
        cells = self.cell_head(neck).float()
        embedding = self.projection(torch.cat([pooled, neck.float().amax((2, 3))], 1)).float()
        return Output(
            cells=cells,
            logits=self.scale * soft_maximum(cells) + self.global_head(pooled).float(),
            halves=torch.stack([soft_maximum(cells, side) for side in _halves(cells)], 2),
            view=self.view_head(pooled).float(),
            embedding=functional.normalize(embedding, dim=1),
            texture=_quarters(middle) if not self.training else pooled.new_zeros(len(pooled), 0),
            domain=self._domain(pooled),
        )

    def _domain(self, pooled: torch.Tensor) -> torch.Tensor:
        """Detached: a probe beside the tower, which is not to learn to keep phantoms and patients apart."""
        if not self.shape.domain:
            return pooled.new_full((len(pooled),), -torch.inf)
        logits: torch.Tensor = self.domain_head(pooled.detach())[:, 0]
        return logits.float()


def _halves(cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights of the columns for the patient's right (image left) and left; the middle columns belong to neither fully."""
    columns = cells.shape[-1]
    position = (torch.arange(columns, device=cells.device) + 0.5) / columns
    right = torch.sigmoid((0.5 - position) * MIDLINE)
    return right, 1 - right


def count_parameters(net: nn.Module) -> int:
    """How many numbers the network learns."""
    return sum(parameter.numel() for parameter in net.parameters())
