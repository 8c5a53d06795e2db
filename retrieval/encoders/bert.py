"""BERT's encoder (Devlin et al. 2018), and no more of it: loaded in a second, where the general library takes six.

Reads the tensors of Hugging Face's `BertModel` by their names. `tests/retrieval/encoders/test_bert.py` holds it to that model's output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.errors import EncoderDamaged

Pooling = Literal["mean", "first"]

_IGNORED = ("pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids")
"""A pooler that a sentence model does not use, and the numbers 0, 1, 2 …"""
_LAYER_NAMES = {
    "attention.output.dense": "project",
    "attention.output.LayerNorm": "norm",
    "intermediate.dense": "widen",
    "output.dense": "narrow",
    "output.LayerNorm": "last_norm",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a BERT. `heads` is the one size its tensors do not tell."""

    vocabulary: int
    positions: int
    width: int
    inner: int
    layers: int
    heads: int
    epsilon: float = 1e-12


class Layer(nn.Module):
    """Attention and a two-layer network, each added to what comes in and normed after it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.ask = nn.Linear(shape.width, 3 * shape.width)
        self.project = nn.Linear(shape.width, shape.width)
        self.norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.widen = nn.Linear(shape.width, shape.inner)
        self.narrow = nn.Linear(shape.inner, shape.width)
        self.last_norm = nn.LayerNorm(shape.width, shape.epsilon)

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        """Tokens [n, length, width], and which may be looked at [n, 1, 1, length], to tokens."""
        n, length, width = x.shape
        query, key, value = self.ask(x).view(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=kept).transpose(1, 2).reshape(n, length, width)
        x = self.norm(x + self.project(seen))
        out: Tensor = self.last_norm(x + self.narrow(functional.gelu(self.widen(x))))
        return out


class Bert(nn.Module):
    """Token numbers and their mask to one vector a text: the mean of its tokens, or the first."""

    def __init__(self, shape: Shape, pooling: Pooling) -> None:
        super().__init__()
        self.pooling = pooling
        self.words, self.places, self.kinds = (_table(rows, shape.width) for rows in (shape.vocabulary, shape.positions, 2))
        self.norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens [n, length] and mask [n, length] of 0 and 1, at least one 1 a row, to vectors [n, width]."""
        x = self.norm(self.words(tokens) + self.places.weight[: tokens.shape[1]] + self.kinds.weight[0])
        kept = mask[:, None, None, :].bool()
        for layer in self.layers:
            x = layer(x, kept)
        if self.pooling == "first":
            first: Tensor = x[:, 0]
            return first
        weight = mask[..., None].to(x.dtype)
        mean: Tensor = (x * weight).sum(1) / weight.sum(1)
        return mean


def _table(rows: int, width: int) -> nn.Embedding:
    """An embedding that draws no values: on the device of shapes, drawing loads torch's compiler, 1.6 s for nothing."""
    return nn.Embedding(rows, width, _weight=torch.empty(rows, width))


def load_bert(tensors: Mapping[str, Tensor], heads: int, pooling: Pooling, *, epsilon: float = 1e-12) -> Bert:
    """A BERT of `BertModel`'s tensors, float32, every one of them used but a pooler's.

    Raises:
        EncoderDamaged: a tensor is missing, left over, or of another shape than its neighbours ask for.
    """
    try:
        shape = _shape(tensors, heads, epsilon)
        with torch.device("meta"):
            bert = Bert(shape, pooling)
        bert.load_state_dict(_renamed(tensors, shape.layers), strict=True, assign=True)
    except (KeyError, IndexError) as error:
        raise EncoderDamaged("a tensor of the text model is missing") from error
    except RuntimeError as error:
        raise EncoderDamaged("tensors of the text model are missing, left over, or of another shape") from error
    return bert.float()


def _shape(tensors: Mapping[str, Tensor], heads: int, epsilon: float) -> Shape:
    vocabulary, width = tensors["embeddings.word_embeddings.weight"].shape
    layers = 1 + max((int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer.")), default=-1)
    if not layers or heads < 1 or width % heads:
        raise EncoderDamaged("the text model has no layers, or its width does not split into its heads")
    inner = tensors["encoder.layer.0.intermediate.dense.weight"].shape[0]
    return Shape(vocabulary, tensors["embeddings.position_embeddings.weight"].shape[0], width, inner, layers, heads, epsilon)


def _renamed(tensors: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The tensors by the names of `Bert`; query, key and value as one. What is not known keeps its name, and is refused by it."""
    left = {name: tensor for name, tensor in tensors.items() if name not in _IGNORED}
    embeddings = {"word_embeddings": "words", "position_embeddings": "places", "token_type_embeddings": "kinds"}
    made = {f"{new}.weight": left.pop(f"embeddings.{old}.weight") for old, new in embeddings.items()}
    for end in ("weight", "bias"):
        made[f"norm.{end}"] = left.pop(f"embeddings.LayerNorm.{end}")
        for number in range(layers):
            old, new = f"encoder.layer.{number}", f"layers.{number}"
            made[f"{new}.ask.{end}"] = torch.cat([left.pop(f"{old}.attention.self.{part}.{end}") for part in ("query", "key", "value")])
            made.update({f"{new}.{ours}.{end}": left.pop(f"{old}.{theirs}.{end}") for theirs, ours in _LAYER_NAMES.items()})
    return {**made, **left}
