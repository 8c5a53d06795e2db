"""RadFM's perceiver: a fixed number of latents that look at a picture's patches and at each other, and become rows of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tools.med_vlm.backends.composed.filling import layers
from tools.med_vlm.backends.composed.radfm.vision import HEAD, attend
from tools.med_vlm.errors import CheckpointRefused


class Perceiver(nn.Module):
    """[pictures, patches, width] -> [pictures, latents, width]."""

    def __init__(self, width: int, latents: int, depth: int, inner: int, hidden: int) -> None:
        """`inner`: numbers of all attention heads; `hidden`: of the layer between two linear ones."""
        super().__init__()
        self.latents = nn.Parameter(torch.empty(latents, width))
        self.layers = nn.ModuleList([_Round([_Look(width, inner), _hidden(width, hidden)]) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)

    def forward(self, patches: Tensor) -> Tensor:
        """Look, think, and once more."""
        latents = self.latents.expand(len(patches), -1, -1)
        for turn in self.layers:
            latents = turn(patches, latents)
        rows: Tensor = self.norm(latents)
        return rows


class _Round(nn.ModuleList):
    def forward(self, patches: Tensor, latents: Tensor) -> Tensor:
        look, think = self
        latents = latents + look(patches, latents)
        thought: Tensor = latents + think(latents)
        return thought


class _Look(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm_media = nn.LayerNorm(width)
        self.norm_latents = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_kv = nn.Linear(width, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, width, bias=False)

    def forward(self, patches: Tensor, latents: Tensor) -> Tensor:
        latents = self.norm_latents(latents)
        key, value = self.to_kv(torch.cat([self.norm_media(patches), latents], dim=1)).chunk(2, dim=-1)
        seen: Tensor = self.to_out(attend(self.to_q(latents), key, value))
        return seen


def _hidden(width: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden, bias=False), nn.GELU(), nn.Linear(hidden, width, bias=False))


def perceiver_of(tensors: Mapping[str, Tensor]) -> Perceiver:
    """A perceiver of the sizes these tensors have; they are not loaded.

    Raises:
        CheckpointRefused: they are not those of RadFM's perceiver.
    """
    try:
        latents, width = tensors["latents"].shape
        inner = tensors["layers.0.0.to_q.weight"].shape[0]
        hidden = tensors["layers.0.1.1.weight"].shape[0]
    except (KeyError, ValueError, IndexError) as error:
        raise CheckpointRefused("its perceiver is not RadFM's") from error
    if not inner or inner % HEAD:
        raise CheckpointRefused("the sizes of its perceiver do not fit together")
    return Perceiver(width, latents, layers(tensors, "layers."), inner, hidden)
