"""Low-rank adapters (Hu et al. 2021) put into the weights they were trained beside: W + s B A. No adapter is left to load."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.med_vlm.checkpoint import Stock, settings
from tools.med_vlm.conversion.tensors import of_file
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor

_NAME = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<half>[AB])(?:\.default)?\.weight")
_PLAIN: Mapping[str, tuple[Any, ...]] = {
    "bias": (None, "none"),
    "use_dora": (None, False),
    "fan_in_fan_out": (None, False),
    "modules_to_save": (None, []),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
}
"""What peft writes of an adapter that is W + s B A and nothing more."""


def adapted(weights: Mapping[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """The weights with a peft folder's adapter in them, in the weights' own precision.

    Raises:
        CheckpointRefused: the adapter is more than low-rank matrices, is not of these weights, or has a half of a pair only.
    """
    how = settings(folder, "adapter_config.json")
    if any(how.get(name) not in plain for name, plain in _PLAIN.items()) or how.get("peft_type", "LORA") != "LORA":
        raise CheckpointRefused("the adapter is more than low-rank matrices beside the weights")
    pairs = _pairs(_adapter(folder))
    made = dict(weights)
    for layer, halves in pairs.items():
        name = f"{layer}.weight"
        if name not in made or halves.keys() != {"A", "B"}:
            raise CheckpointRefused(f"the adapter's part for {layer!r} has no counterpart")
        made[name] = _sum(made[name], halves["A"], halves["B"], _scale(how), name)
    return made


def _adapter(folder: Path) -> dict[str, Tensor]:
    safe = folder / "adapter_model.safetensors"
    return of_file(safe if safe.is_file() else folder / "adapter_model.bin")


def _pairs(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    made: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise CheckpointRefused(f"the adapter holds {name!r}, which is no low-rank matrix")
        made.setdefault(match["layer"], {})[match["half"]] = tensor
    return made


def _scale(how: Mapping[str, Any]) -> float:
    rank, alpha = how.get("r"), how.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        raise CheckpointRefused("the adapter does not say its rank and its scale")
    return alpha / (math.sqrt(rank) if how.get("use_rslora") else rank)


def _sum(weight: Tensor, a: Tensor, b: Tensor, scale: float, name: str) -> Tensor:
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1] or (b.shape[0], a.shape[1]) != tuple(weight.shape):
        raise CheckpointRefused(f"the adapter's matrices do not fit {name!r}")
    return (weight.float() + scale * (b.float() @ a.float())).to(weight.dtype)


def without_wrapping(tensors: Mapping[str, Tensor]) -> Stock:
    """What was trained whole beside an adapter, by the model's own names: peft's `base_model.model.` taken off."""
    return Stock(
        {
            name.removeprefix("base_model.").removeprefix("model.") if name.startswith("base_model.") else name: each
            for name, each in tensors.items()
        }
    )
