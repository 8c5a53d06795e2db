"""VividMed's published adapter, merged into the CogVLM it was trained on.

The stage-2 release is a PEFT folder, `adapter/`: low-rank updates (`lora_A`, `lora_B`) of the decoder and the vision, and whole modules
where no low-rank update was possible: the volume patch embedding, the two mask models (`sam`, `isam_model`) and the projection into them
(`vg_proj`). This file reads that layout and gives the merged tensors.

No back end runs them. What is missing: CogVLM's decoder (two experts a layer, `vision_expert_*` beside `language_expert_*`), the vision
before it, whose patches change their depth with the volume and are pooled, the mask and box heads, and grounded weights to hold any of it
against, which were not published. What VividMed *writes*, phrases in `<p>` with boxes and masks, is read from a server by
`tools.med_vlm.formats.vividmed`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.med_vlm.checkpoint import settings, stock_of
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor

ADDED_TOKENS = ("<sys>", "<usr>", "<grd>", "<ngrd>", "<p>", "</p>", "<np>", "</np>")
"""Rows that VividMed's tokenizer has and CogVLM's has not."""
NEW_MODULES = ("sam.", "isam_model.", "vg_proj.", "model.vision.patch_embedding.")
"""What the base has not, or has for flat pictures: here a tensor may be new or of another shape."""
_VOCABULARY = ("model.embed_tokens.weight", "lm_head.weight")
_PREFIX = "base_model.model."
_LAYERS = "model.layers."
_PAIRS = {".lora_A.weight": ".lora_B.weight", ".lora_embedding_A": ".lora_embedding_B"}
_UNREAD = {"use_dora": False, "bias": "none", "rank_pattern": {}, "alpha_pattern": {}, "layer_replication": None, "fan_in_fan_out": False}
"""Settings of PEFT that would change the sum, with the value at which they do not."""


class Adapter(BaseModel):
    """What `adapter_config.json` says of the update."""

    model_config = ConfigDict(frozen=True)

    r: int = Field(gt=0)
    lora_alpha: float = Field(gt=0)
    use_rslora: bool = False

    @property
    def scale(self) -> float:
        """Of an update: alpha over the rank, or over its root where the adapter was trained so (rsLoRA), as VividMed's was."""
        return self.lora_alpha / (math.sqrt(self.r) if self.use_rslora else self.r)


def adapter_settings(folder: Path) -> Adapter:
    """The settings of an adapter folder.

    Raises:
        CheckpointRefused: there are none; it is no LoRA, or one whose sum is another than B times A.
    """
    said = settings(folder, "adapter_config.json")
    if said.get("peft_type") != "LORA" or any((said.get(name) or value) != value for name, value in _UNREAD.items()):
        raise CheckpointRefused("the adapter is of a kind that is not merged here")
    try:
        return Adapter.model_validate(said)
    except ValidationError as error:
        raise CheckpointRefused("the adapter's rank or scale is no number above nought") from error


def merged_adapter(folder: Path, base: Mapping[str, Tensor], sizes: Mapping[str, Any]) -> dict[str, Tensor]:
    """The base's tensors with the adapter in `folder` merged; the base is left as it is.

    `sizes`: the base's `config.json`: its layers and vocabulary bound what an adapter may touch.

    Raises:
        CheckpointRefused: a file or half a pair is missing, a tensor of the adapter has no place in the base, or a shape does not fit.
    """
    adapter = adapter_settings(folder)
    held = stock_of(folder)
    tensors = held.part(_PREFIX)
    held.close()
    _within(tensors, sizes)
    merged = dict(base)
    updates = _updates(tensors)
    for name, tensor in tensors.items():
        _saved(merged, name.replace(".base_layer.", "."), tensor, sizes)
    for target, update in updates.items():
        _add(merged, target, update, adapter.scale)
    return merged


def _updates(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take the pairs out: target -> B times A, as the target's weight stands."""
    made: dict[str, Tensor] = {}
    for name in tuple(tensors):
        ending = next((ending for ending in _PAIRS if name.endswith(ending)), None)
        if ending is None:
            continue
        target = name.removesuffix(ending)
        first, second = tensors.pop(name).float(), tensors.pop(target + _PAIRS[ending], None)
        if second is None or second.ndim != 2 or first.ndim != 2 or second.shape[1] != first.shape[0]:
            raise CheckpointRefused("half a pair of the adapter is missing, or its halves do not fit")
        product = second.float() @ first
        made[f"{target}.weight"] = product.T if ending == ".lora_embedding_A" else product
    if any(ending in name for name in tensors for ending in (".lora_", "lora_embedding_")):
        raise CheckpointRefused("half a pair of the adapter is missing")
    return made


def _add(merged: dict[str, Tensor], target: str, update: Tensor, scale: float) -> None:
    weight = merged.get(target)
    if weight is None or weight.shape != update.shape:
        raise CheckpointRefused("an update of the adapter has no place in the base, or another shape")
    merged[target] = (weight.float() + scale * update).to(weight.dtype)


def _saved(merged: dict[str, Tensor], name: str, tensor: Tensor, sizes: Mapping[str, Any]) -> None:
    """Put a whole tensor in its place. PEFT saves modules only, so a bare parameter went by its name and `.weight`."""
    bare = name.removesuffix(".weight")
    place = bare if bare in merged else name
    there = merged.get(place)
    grown = place in _VOCABULARY and len(tensor) == sizes.get("vocab_size", 0) + len(ADDED_TOKENS)
    if not place.startswith(NEW_MODULES) and not (there is not None and (there.shape == tensor.shape or grown)):
        raise CheckpointRefused("a tensor of the adapter has no place in the base, or another shape")
    merged[place] = tensor


def _within(tensors: Mapping[str, Tensor], sizes: Mapping[str, Any]) -> None:
    numbers = {name.removeprefix(_LAYERS).split(".", 1)[0] for name in tensors if name.startswith(_LAYERS)}
    most = sizes.get("num_hidden_layers")
    if not isinstance(most, int) or any(not number.isdecimal() or int(number) >= most for number in numbers):
        raise CheckpointRefused("the adapter has layers that the base's settings have not")
