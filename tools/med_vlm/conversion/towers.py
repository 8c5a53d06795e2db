"""Vision towers that LLaVA's authors keep in folders of their own, as transformers' networks with their pictures' settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.med_vlm.checkpoint import Stock, settings
from tools.med_vlm.conversion.tensors import of_file, published
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor

_HEAD_WIDTH = 64
"""Of every ViT that open_clip takes from timm."""
_MEAN, _DEVIATION = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
"""OpenAI's, which open_clip takes where a checkpoint's settings say nothing else."""
_PICTURES = ("size", "crop_size", "image_mean", "image_std", "resample", "rescale_factor")


@dataclass(frozen=True)
class Tower:
    """A vision tower: settings of the network and of its pictures, and its tensors by transformers' names."""

    network: Mapping[str, Any]
    pictures: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    side: int
    patch: int


def clip_tower(folder: Path, own: Mapping[str, Tensor]) -> Tower:
    """The vision half of a CLIP folder. `own`: tensors that a checkpoint brings itself, taken instead of the folder's.

    Raises:
        CheckpointRefused: the folder holds no CLIP, or its settings are missing.
    """
    told = settings(folder)
    network = told.get("vision_config") if told.get("model_type") == "clip" else told
    if not isinstance(network, dict) or told.get("model_type") not in ("clip", "clip_vision_model"):
        raise CheckpointRefused("the base is no CLIP")
    stock = Stock({f"vision_model.{name}": each for name, each in own.items()} if own else published(folder))
    stock.leave(("text_model.", "text_projection.", "visual_projection.", "logit_scale"), ("position_ids",))
    tensors = stock.under("vision_model.")
    stock.close()
    pictures = settings(folder, "preprocessor_config.json")
    side, patch = network.get("image_size", 224), network.get("patch_size", 32)
    return Tower(
        {**network, "model_type": "clip_vision_model"},
        {name: pictures[name] for name in _PICTURES if name in pictures},
        tensors,
        side,
        patch,
    )


def open_clip_tower(weights: Path, config: Path) -> Tower:
    """The timm ViT of an open_clip checkpoint (BiomedCLIP's layout), the text half left away.

    Raises:
        CheckpointRefused: another architecture, or a tensor is missing or left over.
    """
    told = settings(config.parent, config.name)
    vision = told.get("model_cfg", told).get("vision_cfg", {})
    name = vision.get("timm_model_name")
    if not isinstance(name, str) or not re.fullmatch(r"vit_(tiny|small|base|large)_patch\d+_\d+(\.\w+)?", name):
        raise CheckpointRefused("the vision tower is no timm ViT")
    stock = Stock(of_file(weights))
    stock.leave(("text.", "logit_scale", "logit_bias", "visual.head."))
    tensors = stock.under("visual.trunk.")
    stock.close()
    network = _vit_settings(tensors, int(vision.get("image_size", 224)))
    pictures = told.get("preprocess_cfg", {})
    side = network["image_size"]
    sizes = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}
    return Tower(
        network,
        sizes | {"image_mean": pictures.get("mean", _MEAN), "image_std": pictures.get("std", _DEVIATION)},
        _vit_tensors(Stock(tensors), network["num_hidden_layers"]),
        side,
        network["patch_size"],
    )


def _vit_settings(tensors: Mapping[str, Tensor], side: int) -> dict[str, Any]:
    try:
        width, _, _, patch = tensors["patch_embed.proj.weight"].shape
        inner = tensors["blocks.0.mlp.fc1.weight"].shape[0]
    except (KeyError, ValueError) as error:
        raise CheckpointRefused("a tensor of the vision tower is missing") from error
    layers = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
    return {
        "model_type": "vit",
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": width // _HEAD_WIDTH,
        "image_size": side,
        "patch_size": patch,
        "layer_norm_eps": 1e-6,  # timm's, where transformers would take 1e-12
    }


def _vit_tensors(stock: Stock, layers: int) -> dict[str, Tensor]:
    """Timm's names to those that transformers publishes a `ViTModel` under; its pooler, which LLaVA never reads, made of zeros."""
    made = {
        "embeddings.cls_token": stock.take("cls_token"),
        "embeddings.position_embeddings": stock.take("pos_embed"),
        **stock.under("patch_embed.proj.", lambda end: f"embeddings.patch_embeddings.projection.{end}"),
        **stock.under("norm.", lambda end: f"layernorm.{end}"),
    }
    for number in range(layers):
        made |= {f"encoder.layer.{number}.{name}": tensor for name, tensor in _vit_block(stock, f"blocks.{number}.").items()}
    stock.close()
    norm = made["layernorm.weight"]
    zeros = {"pooler.dense.weight": norm.new_zeros(len(norm), len(norm)), "pooler.dense.bias": norm.new_zeros(len(norm))}
    return made | zeros


_BLOCK = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}


def _vit_block(stock: Stock, block: str) -> dict[str, Tensor]:
    made = {f"{name}.{end}": stock.take(f"{block}{timm}.{end}") for timm, name in _BLOCK.items() for end in ("weight", "bias")}
    for end in ("weight", "bias"):
        parts = stock.take(f"{block}attn.qkv.{end}").chunk(3)
        made |= {f"attention.attention.{name}.{end}": part for name, part in zip(("query", "key", "value"), parts, strict=True)}
    return made
