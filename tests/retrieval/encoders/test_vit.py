"""Our vision transformer is the published one, and takes only tensors that are wholly its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from retrieval.encoders.vit import load_vit
from retrieval.errors import EncoderDamaged

Tensors = dict[str, Tensor]
NAMES = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.o_proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
"""timm's names and Hugging Face's."""


@pytest.fixture(scope="module")
def published_vit() -> torch.nn.Module:
    from transformers import ViTConfig, ViTModel

    torch.manual_seed(4)
    shape = {
        "hidden_size": 128,
        "intermediate_size": 200,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    return ViTModel(ViTConfig(layer_norm_eps=1e-6, initializer_range=0.2, **shape), add_pooling_layer=False).eval()


@pytest.fixture
def tensors(published_vit: torch.nn.Module) -> Tensors:
    theirs = published_vit.state_dict()
    made = {"cls_token": theirs["embeddings.cls_token"], "pos_embed": theirs["embeddings.position_embeddings"]}
    for end in ("weight", "bias"):
        made[f"patch_embed.proj.{end}"] = theirs[f"embeddings.patch_embeddings.projection.{end}"]
        made[f"norm.{end}"] = theirs[f"layernorm.{end}"]
        for block in range(2):
            old = f"layers.{block}"
            made[f"blocks.{block}.attn.qkv.{end}"] = torch.cat([theirs[f"{old}.attention.{part}_proj.{end}"] for part in "qkv"])
            made |= {f"blocks.{block}.{ours}.{end}": theirs[f"{old}.{name}.{end}"] for ours, name in NAMES.items()}
    return {name: tensor.clone() for name, tensor in made.items()}


@torch.inference_mode()
def test_the_class_token_is_that_of_the_published_model(published_vit: torch.nn.Module, tensors: Tensors) -> None:
    pixels = torch.randn(3, 3, 32, 32)
    assert torch.allclose(load_vit(tensors).eval()(pixels), published_vit(pixels).last_hidden_state[:, 0], atol=1e-4)


def without(tensors: Tensors, name: str) -> Tensors:
    assert name in tensors
    return {other: tensor for other, tensor in tensors.items() if other != name}


@pytest.mark.parametrize(
    "break_it",
    [
        lambda tensors: without(tensors, "pos_embed"),
        lambda tensors: without(tensors, "cls_token"),
        lambda tensors: without(tensors, "blocks.0.mlp.fc1.weight"),
        lambda tensors: without(tensors, "blocks.1.attn.qkv.bias"),
        lambda tensors: {**tensors, "fc_norm.weight": torch.zeros(128)},
        lambda tensors: {**tensors, "blocks.x.norm1.weight": torch.zeros(128)},
        lambda tensors: {**tensors, "pos_embed": torch.zeros(17, 128)},
        lambda tensors: {**tensors, "pos_embed": torch.zeros(1, 17, 96)},
        lambda tensors: {**tensors, "blocks.0.attn.qkv.weight": torch.zeros(384, 127)},
        lambda tensors: {},
    ],
)
def test_a_tensor_missing_left_over_or_of_another_shape_is_refused(break_it: Callable[[Tensors], Tensors], tensors: Tensors) -> None:
    with pytest.raises(EncoderDamaged):
        load_vit(break_it(tensors))
