"""RadFM's vision transformer over volumes: names and order of numbers as in the published checkpoint, sizes by its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tools.med_vlm.backends.composed.filling import layers
from tools.med_vlm.errors import CheckpointRefused

SIDE, DEPTH = 512, 512
"""Voxels the position tables were made for: rows and columns, slices."""
CHANNELS = 3
HEAD = 64
"""Numbers of one attention head, in the vision transformer and in the perceiver; no tensor tells."""


@dataclass(frozen=True)
class Sizes:
    """Of a vision transformer."""

    width: int
    side: int
    """Pixels of a patch, each way."""
    slices: int
    tables: tuple[int, int, int]
    """Entries of the row, column and slice tables."""
    depth: int
    inner: int
    """Numbers of all attention heads."""
    hidden: int


class Vision(nn.Module):
    """[pictures, 3, rows, columns, slices] -> [pictures, patches, width]."""

    def __init__(self, sizes: Sizes) -> None:
        """Build it, with numbers that mean nothing yet."""
        super().__init__()
        self.side, self.slices = sizes.side, sizes.slices
        numbers, width = CHANNELS * sizes.side**2 * sizes.slices, sizes.width
        self.to_patch_embedding = nn.Sequential(nn.Identity(), nn.LayerNorm(numbers), nn.Linear(numbers, width), nn.LayerNorm(width))
        self.pos_embedding = Positions(width, sizes.tables)
        self.transformer = _Transformer(sizes)

    def forward(self, volume: Tensor) -> Tensor:
        """Cut, place, transform."""
        patches = cut(volume, self.side, self.slices)
        grid = volume.shape[2] // self.side, volume.shape[3] // self.side, volume.shape[4] // self.slices
        seen: Tensor = self.transformer(self.to_patch_embedding(patches) + self.pos_embedding(grid))
        return seen


def cut(volume: Tensor, side: int, slices: int) -> Tensor:
    """[pictures, 3, rows, columns, slices] in blocks, row by row, then column, then slice: [pictures, patches, numbers].

    Within a block the channel runs fastest, then the slice, the column, the row.
    """
    pictures, channels, rows, columns, depth = volume.shape
    blocks = volume.reshape(pictures, channels, rows // side, side, columns // side, side, depth // slices, slices)
    return blocks.permute(0, 2, 4, 6, 3, 5, 7, 1).reshape(pictures, -1, side * side * slices * channels)


class Positions(nn.Module):
    """Learned places along the three axes, a third of the width each.

    A picture smaller than the tables takes every n-th entry, the last of each stretch: of 128 slices a flat picture has the last.
    """

    def __init__(self, width: int, tables: tuple[int, int, int]) -> None:
        """`tables`: entries of the row, column and slice tables."""
        super().__init__()
        rows, columns, slices = tables
        self.row_embed = nn.Embedding(rows, width // 3)
        self.col_embed = nn.Embedding(columns, width // 3)
        self.dep_embed = nn.Embedding(slices, width // 3)

    def forward(self, grid: tuple[int, int, int]) -> Tensor:
        """[patches, width], in the order of `cut`."""
        tables = (self.row_embed, self.col_embed, self.dep_embed)
        taken = [table(strided(count, table.num_embeddings, table.weight.device)) for table, count in zip(tables, grid, strict=True)]
        spread = [each.reshape(*(-1 if axis == own else 1 for axis in range(3)), each.shape[-1]) for own, each in enumerate(taken)]
        return torch.cat([each.expand(*grid, -1) for each in spread], dim=-1).flatten(0, 2)


def strided(count: int, entries: int, device: torch.device | None = None) -> Tensor:
    """Which entries of a table `count` places take: the last of each of `count` stretches of equal length."""
    return (torch.arange(count, device=device) + 1) * (entries // count) - 1


class _Transformer(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layers = nn.ModuleList([_layer(sizes) for _ in range(sizes.depth)])

    def forward(self, seen: Tensor) -> Tensor:
        for layer in self.layers:
            seen = layer(seen)
        return seen


class _Added(nn.Sequential):
    def forward(self, seen: Tensor) -> Tensor:
        for step in self:
            seen = seen + step(seen)
        return seen


def _layer(sizes: Sizes) -> nn.Module:
    width = sizes.width
    return _Added(_Normed(width, _Attention(width, sizes.inner)), _Normed(width, _Hidden(width, sizes.hidden)))


class _Normed(nn.Module):
    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = fn

    def forward(self, seen: Tensor) -> Tensor:
        made: Tensor = self.fn(self.norm(seen))
        return made


class _Attention(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(width, 3 * inner, bias=False)
        self.to_out = nn.Sequential(nn.Linear(inner, width))

    def forward(self, seen: Tensor) -> Tensor:
        attended: Tensor = self.to_out(attend(*self.to_qkv(seen).chunk(3, dim=-1)))
        return attended


class _Hidden(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Identity(), nn.Linear(hidden, width))

    def forward(self, seen: Tensor) -> Tensor:
        made: Tensor = self.net(seen)
        return made


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention in heads of `HEAD` numbers: [pictures, queries, inner], [pictures, keys, inner] twice -> [pictures, queries, inner]."""
    query, key, value = (each.reshape(*each.shape[:2], -1, HEAD).transpose(1, 2) for each in (query, key, value))
    mixed = nn.functional.scaled_dot_product_attention(query, key, value)
    return mixed.transpose(1, 2).flatten(2)


def vision_of(tensors: Mapping[str, Tensor]) -> Vision:
    """A vision transformer of the sizes these tensors have; they are not loaded.

    Raises:
        CheckpointRefused: they are not those of RadFM's vision.
    """
    try:
        width, numbers = tensors["to_patch_embedding.2.weight"].shape
        tables = tuple(len(tensors[f"pos_embedding.{axis}_embed.weight"]) for axis in ("row", "col", "dep"))
        inner = tensors["transformer.layers.0.0.fn.to_qkv.weight"].shape[0] // 3
        hidden = tensors["transformer.layers.0.1.fn.net.0.weight"].shape[0]
    except (KeyError, ValueError, IndexError) as error:
        raise CheckpointRefused("its vision is not RadFM's") from error
    side, slices = SIDE // max(1, tables[0]), DEPTH // max(1, tables[2])
    if tables[0] != tables[1] or numbers != CHANNELS * side**2 * slices or width % 3 or not inner or inner % HEAD:
        raise CheckpointRefused("the sizes of its vision do not fit together")
    depth = layers(tensors, "transformer.layers.")
    return Vision(Sizes(width, side, slices, (tables[0], tables[1], tables[2]), depth, inner, hidden))
