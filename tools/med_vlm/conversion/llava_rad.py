"""LLaVA-Rad: an adapter of low rank and a projector for Vicuna, beside a BiomedCLIP trained further on chest radiographs at 518 pixels.

Covered: the folder as published, with `adapter_model`, `non_lora_trainables.bin` or `mm_projector.bin`, and both files of its vision
tower. Not covered: training it further, and the authors' sampling of a report's sections; the prompt is the caller's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tools.med_vlm.checkpoint import Stock, settings
from tools.med_vlm.conversion.llava import Parts, write_llava
from tools.med_vlm.conversion.lora import adapted, without_wrapping
from tools.med_vlm.conversion.tensors import of_file, published
from tools.med_vlm.conversion.towers import open_clip_tower
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor

_PROJECTORS = ("non_lora_trainables.bin", "mm_projector.bin")


def write_llava_rad(source: Path, out: Path, base: Path | None) -> None:
    """Write a LLaVA-Rad whose language model is the folder `base`; see `llava.write_llava`.

    Raises:
        CheckpointRefused: as `write_llava`; or the adapter is not of this language model.
    """
    if base is None:
        raise CheckpointRefused("the language model's folder is needed")
    config = settings(source)
    language = Stock(published(base))
    language.leave(endings=("rotary_emb.inv_freq",))
    tensors = adapted(language.under(""), source)
    trained = without_wrapping(_trained(source)).under("")
    tower = open_clip_tower(*_tower_files(source, str(config.get("mm_vision_tower_checkpoint", ""))))
    pads = config.get("image_aspect_ratio") == "pad"
    write_llava(Parts({**settings(base), **config}, tensors | trained, tower, base, "vicuna", pads), out)


def _trained(source: Path) -> dict[str, Tensor]:
    return of_file(next((source / name for name in _PROJECTORS if (source / name).is_file()), source / _PROJECTORS[0]))


def _tower_files(source: Path, named: str) -> tuple[Path, Path]:
    """Weights and settings of the vision tower: the file that the settings name, and the JSON file of its model's name beside it."""
    weights = source / Path(named).name
    if not named or not weights.is_file():
        raise CheckpointRefused("the vision tower's weights are not beside the adapter")
    stem = weights.stem.removesuffix("_checkpoint")
    config = next((source / name for name in (f"{stem}.json", "open_clip_config.json") if (source / name).is_file()), None)
    if config is None:
        raise CheckpointRefused("the vision tower's settings are not beside the adapter")
    return weights, config
