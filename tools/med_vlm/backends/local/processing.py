"""The part of a model that turns words and pictures into numbers, without torchvision and without videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tools.med_vlm.backends.local.pictures import Once
from tools.med_vlm.errors import CheckpointRefused

_QWEN = {"qwen2_vl": "Qwen2VLProcessor", "qwen2_5_vl": "Qwen2_5_VLProcessor", "qwen3_vl": "Qwen3VLProcessor"}
"""Processors that demand a reader of videos, which needs torchvision, though only pictures are ever shown."""
MOST_PIXELS = 1280 * 28 * 28
"""Of one picture of a model that takes any size: 1,280 of its tokens. Qwen2.5-VL's own settings allow twelve times as many."""
_NOT_HERE = {"smolvlm": "SmolVLM needs a reader of videos even for pictures; Idefics3, of the same family, is read"}


def load_processor(path: Path, model_type: str) -> Any:
    """The processor of a folder, with a token to pad texts with.

    Raises:
        CheckpointRefused: a family that cannot be read here.
        OSError, ValueError, ImportError: as transformers raises them; the caller names the folder refused.
    """
    if model_type in _NOT_HERE:
        raise CheckpointRefused(_NOT_HERE[model_type])
    made = _of_pictures(path, _QWEN[model_type]) if model_type in _QWEN else _auto(path)
    if not hasattr(made, "image_processor") or not hasattr(made, "tokenizer"):
        raise CheckpointRefused("its folder lacks the settings of its pictures or of its words")
    made.image_processor = Once(made.image_processor)
    if made.tokenizer.pad_token is None:
        made.tokenizer.pad_token = made.tokenizer.eos_token
    return made


def _auto(path: Path) -> Any:
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)


def _of_pictures(path: Path, name: str) -> Any:
    """The processor of that name, made of a reader of pictures and a tokenizer alone."""
    import transformers

    whole = getattr(transformers, name)
    pictures_only = type(name, (whole,), {"get_attributes": classmethod(lambda _: ["image_processor", "tokenizer"])})
    made: Any = pictures_only.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)  # type: ignore[attr-defined]
    size = made.image_processor.size
    size["longest_edge"] = min(size["longest_edge"], MOST_PIXELS)
    return made
