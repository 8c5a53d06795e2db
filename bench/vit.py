"""A network of the size of ViT-S/16 (Touvron et al. 2021, table 1) with random weights: what the compact model is measured beside."""

from __future__ import annotations

import torch
from torch import nn

WIDTH, DEPTH, HEADS, PATCH, SIDE = 384, 12, 6, 16, 224


class Vit(nn.Module):
    """Patches, a class token and learnt positions into a pre-norm transformer; a linear head on the class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, (SIDE // PATCH) ** 2 + 1, WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, DEPTH, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, 1000)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[n, 3, 224, 224] to [n, 1000]."""
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], 1) + self.positions
        logits: torch.Tensor = self.head(self.blocks(tokens)[:, 0])
        return logits


def vit_small() -> nn.Module:
    """22.1 million parameters, for batches [n, 3, 224, 224]."""
    return Vit().eval()
