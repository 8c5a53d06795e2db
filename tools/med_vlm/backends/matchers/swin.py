"""A Swin transformer (Liu et al. 2021) of the tensors that were published under Hugging Face's earlier names, strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor, nn

_RENAMED = {
    "attention.self.query.": "attention.q_proj.",
    "attention.self.key.": "attention.k_proj.",
    "attention.self.value.": "attention.v_proj.",
    "attention.self.relative_position_bias_table": "attention.relative_position_bias.relative_position_bias_table",
    "attention.output.dense.": "attention.o_proj.",
    "intermediate.dense.": "mlp.fc1.",
    "output.dense.": "mlp.fc2.",
}
"""In this order: `attention.output.dense` ends as `output.dense` does."""
_INDEX = "relative_position_index"
"""A table of places that follows from the window's size."""
_BLOCK = re.compile(r"encoder\.layers\.(\d+)\.blocks\.(\d+)\.")


def load_swin(tensors: Mapping[str, Tensor]) -> nn.Module:
    """Pixels [n, 3, side, side] to the mean [n, width] of the last stage's normed places; sizes are told by the tensors.

    Raises:
        CheckpointRefused: a tensor is missing, left over, or of another shape than its neighbours ask for.
    """
    import torch
    from transformers import SwinConfig, SwinModel

    renamed = {_now(name): tensor for name, tensor in tensors.items() if not name.endswith(_INDEX)}
    try:
        model = SwinModel(SwinConfig(**_sizes(renamed)))
        model.load_state_dict(renamed, strict=True, assign=True)
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise CheckpointRefused("a tensor of the Swin transformer is missing") from error
    except RuntimeError as error:
        raise CheckpointRefused("tensors of the Swin transformer are missing, left over, or of another shape") from error

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixels: Tensor) -> Tensor:
            made: Tensor = self.model(pixel_values=pixels).pooler_output
            return made

    return Pooled()


def _now(name: str) -> str:
    for before, after in _RENAMED.items():
        if f".{before}" in name:
            return name.replace(before, after)
    return name


def _sizes(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """What `SwinConfig` must be told."""
    blocks = [(int(found[1]), int(found[2])) for name in tensors if (found := _BLOCK.match(name))]
    depths = [1 + max(block for stage, block in blocks if stage == number) for number in range(1 + max(blocks)[0])]
    first = "encoder.layers.{}.blocks.0"
    table = first + ".attention.relative_position_bias.relative_position_bias_table"
    places = tensors[table.format(0)].shape[0]
    width, _, patch, _ = tensors["embeddings.patch_embeddings.projection.weight"].shape
    return {
        "embed_dim": width,
        "patch_size": patch,
        "depths": depths,
        "num_heads": [tensors[table.format(number)].shape[1] for number in range(len(depths))],
        "window_size": (round(places**0.5) + 1) // 2,
        "mlp_ratio": tensors[first.format(0) + ".mlp.fc1.weight"].shape[0] / width,
    }
