"""Hugging Face's loaders, held to what an index needs: whole weights, no code of a model's own, no network, no chatter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retrieval.encoders.folder import ModelFolder
from retrieval.errors import EncoderDamaged

_UNUSED = ("pooler.",)
"""May be missing: a head over tokens that no vector here is taken from."""
_OTHER_HEADS = ("classifier.", "cls.", "lm_head.", "mask_token", "decoder.")
"""May be left over: heads of the tasks a model was trained on."""


@contextmanager
def refused_as_damaged() -> Iterator[None]:
    """Turn what the loaders raise about a folder into `EncoderDamaged`; their own messages name paths and addresses."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    refused = (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError, EOFError)
    try:
        yield
    except (*refused, SafetensorError, StrictDataclassError) as error:
        raise EncoderDamaged(f"the folder is no model that can be loaded without code of its own ({type(error).__name__})") from error


def quiet() -> None:
    """No progress bar of weights: the error stream is for problem documents."""
    from transformers.utils import logging

    logging.disable_progress_bar()


@contextmanager
def silenced() -> Iterator[None]:
    """Nor a word about what is missing or unknown, where what is wrong becomes an error of ours."""
    from transformers.utils import logging

    quiet()
    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def load_model(path: Path) -> tuple[Any, tuple[str, ...]]:
    """A model by the class its `config.json` names, float32, and the names of weights that are missing though they may be.

    Raises:
        EncoderDamaged: weights are missing, left over or of another shape; or the folder asks to run code of its own.
    """
    import torch
    from transformers import AutoModel

    quiet()
    with refused_as_damaged():
        model, notes = AutoModel.from_pretrained(
            str(path), output_loading_info=True, local_files_only=True, trust_remote_code=False, dtype=torch.float32
        )
    missing = tuple(notes["missing_keys"])
    wrong = [name for name in missing if not name.startswith(_UNUSED)]
    wrong += [name for name in notes["unexpected_keys"] if not name.startswith(_OTHER_HEADS)]
    wrong += [str(each) for each in notes["mismatched_keys"]] + list(notes.get("error_msgs") or ())
    if wrong:
        raise EncoderDamaged(f"{len(wrong)} weights are missing, left over or of another shape")
    return model, missing


def check_weights(path: Path) -> None:
    """Refuse a folder whose weights are not whole: the library would draw the missing ones at random and only warn.

    Raises:
        EncoderDamaged: as `load_model`. A folder that holds no model of its own, such as a pooling's or an export's, passes.
    """
    weights = any(any(path.glob(pattern)) for pattern in ("*.safetensors", "pytorch_model*.bin"))
    if weights and "model_type" in ModelFolder(path).json("config.json"):
        load_model(path)
