"""The vision transformer of Dosovitskiy et al. (2020) as timm names its tensors: `vit_{tiny,small,base,large}_patchN_N`.

`tests/retrieval/encoders/test_vit.py` holds it to Hugging Face's `ViTModel`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.errors import EncoderDamaged

HEAD_WIDTH = 64
"""Of every model of this family: its number of heads is its width over this."""
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a vision transformer, told by its tensors."""

    width: int
    inner: int
    layers: int
    patch: int
    places: int


class Attention(nn.Module):
    """Self-attention over all places."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """[n, places, width] to the same."""
        n, places, width = x.shape
        split = self.qkv(x).view(n, places, 3, width // HEAD_WIDTH, HEAD_WIDTH).permute(2, 0, 3, 1, 4).unbind(0)
        seen: Tensor = self.proj(functional.scaled_dot_product_attention(*split).transpose(1, 2).reshape(n, places, width))
        return seen


class Block(nn.Module):
    """Attention and a two-layer network, each over what was normed before it, and added."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(shape.width, _EPSILON) for _ in range(2))
        self.attn = Attention(shape.width)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(shape.width, shape.inner), "fc2": nn.Linear(shape.inner, shape.width)})

    def forward(self, x: Tensor) -> Tensor:
        """[n, places, width] to the same."""
        x = x + self.attn(self.norm1(x))
        made: Tensor = x + self.mlp["fc2"](functional.gelu(self.mlp["fc1"](self.norm2(x))))
        return made


class Vit(nn.Module):
    """Pixels [n, 3, side, side] to the normed class token [n, width]."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, shape.width))
        self.pos_embed = nn.Parameter(torch.empty(1, shape.places, shape.width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, shape.width, shape.patch, shape.patch)})
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width, _EPSILON)

    def forward(self, pixels: Tensor) -> Tensor:
        """The class token after the last norm."""
        patches = self.patch_embed["proj"](pixels).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(patches.shape[0], -1, -1), patches), dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        made: Tensor = self.norm(x)[:, 0]
        return made


def load_vit(tensors: Mapping[str, Tensor]) -> Vit:
    """A vision transformer of timm's tensors, float32, every one of them used.

    Raises:
        EncoderDamaged: a tensor is missing, left over, or of another shape than its neighbours ask for.
    """
    try:
        layers = 1 + max((int(name.split(".")[1]) for name in tensors if name.startswith("blocks.")), default=-1)
        _, places, width = tensors["pos_embed"].shape
        inner, patch = tensors["blocks.0.mlp.fc1.weight"].shape[0], tensors["patch_embed.proj.weight"].shape[-1]
        if width % HEAD_WIDTH:
            raise EncoderDamaged("the width of the image model does not split into heads of 64")
        with torch.device("meta"):
            vit = Vit(Shape(width, inner, layers, patch, places))
        vit.load_state_dict(dict(tensors), strict=True, assign=True)
    except (KeyError, ValueError, IndexError) as error:
        raise EncoderDamaged("a tensor of the image model is missing") from error
    except RuntimeError as error:
        raise EncoderDamaged("tensors of the image model are missing, left over, or of another shape") from error
    return vit.float()
