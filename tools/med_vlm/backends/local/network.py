"""A network of transformers' that writes: loaded whole and without code, and run for one thing at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tools.med_vlm.backends.placing import free
from tools.med_vlm.errors import CheckpointRefused, ModelOutOfMemory

MOST_ROWS = 16
"""Questions or samples that are run together."""
_LOST = (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError, EOFError)
Row = TypeVar("Row")
Made = TypeVar("Made")


@contextmanager
def refused() -> Iterator[None]:
    """Turn what transformers raises about a folder into `CheckpointRefused`; its own messages name paths and addresses.

    Raises:
        CheckpointRefused: as said.
        ModelOutOfMemory: the device was too small.
    """
    import torch
    from huggingface_hub.errors import StrictDataclassError
    from jinja2 import TemplateError
    from safetensors import SafetensorError

    try:
        yield
    except torch.OutOfMemoryError:
        free()
        raise ModelOutOfMemory from None
    except (*_LOST, SafetensorError, StrictDataclassError, TemplateError) as error:
        raise CheckpointRefused(f"it is no model that transformers loads without code of its own ({type(error).__name__})") from error


def load_network(path: Path, device: str) -> Any:
    """The network of a folder, ready to write: bfloat16 on a GPU, float32 on the CPU.

    Raises:
        CheckpointRefused: weights are missing, left over or of another shape; or it is no network that writes about images.
        ModelOutOfMemory: the device is too small for it.
    """
    import torch
    from transformers import AutoModelForImageTextToText
    from transformers.utils import logging

    logging.disable_progress_bar()  # the error stream is for problem documents
    with refused():
        network, notes = AutoModelForImageTextToText.from_pretrained(
            str(path),
            dtype=torch.bfloat16 if device == "cuda" else torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
        network = network.to(device).eval()
    wrong = [*notes["missing_keys"], *notes["unexpected_keys"], *notes["mismatched_keys"], *(notes.get("error_msgs") or ())]
    if wrong:
        raise CheckpointRefused(f"{len(wrong)} weights are missing, left over or of another shape")
    return network.requires_grad_(requires_grad=False)


def plain_generation(network: Any, tokenizer: Any) -> frozenset[int]:
    """Leave of a folder's settings for writing only which tokens end a text, and give those: penalties would bend probabilities."""
    from transformers import GenerationConfig

    told = network.generation_config
    said = told.eos_token_id if isinstance(told.eos_token_id, list) else [told.eos_token_id]
    ends = frozenset(each for each in (*said, tokenizer.eos_token_id) if each is not None)
    network.generation_config = GenerationConfig(
        eos_token_id=sorted(ends) or None,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=told.bos_token_id,
        decoder_start_token_id=told.decoder_start_token_id,
    )
    return ends


def pad_where_it_changes_nothing(processor: Any, network: Any) -> None:
    """Before a text that the network itself goes on from; after one that it only reads, whose pictures stand before the words."""
    processor.tokenizer.padding_side = "right" if network.config.is_encoder_decoder else "left"


def longest_text(network: Any) -> int | None:
    """Tokens that the network takes in at most, pictures included; None where its settings say nothing."""
    return getattr(network.config.get_text_config(decoder=True), "max_position_embeddings", None)


def inference() -> AbstractContextManager[object]:
    """Nothing in it is kept for training."""
    import torch

    return torch.inference_mode()


def in_parts(rows: Sequence[Row], run: Callable[[Sequence[Row]], Sequence[Made]], most: int = MOST_ROWS) -> list[Made]:
    """What `run` makes of all rows, in order, so many together at most; fewer where the device has not the memory for it.

    Raises:
        ModelOutOfMemory: not even for one row.
    """
    made: list[Made] = []
    for start in range(0, len(rows), most):
        made += _halving(rows[start : start + most], run)
    return made


def _halving(rows: Sequence[Row], run: Callable[[Sequence[Row]], Sequence[Made]]) -> list[Made]:
    import torch

    try:
        return list(run(rows))
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            free()
            raise ModelOutOfMemory from None
    free()  # outside the handler, whose traceback holds on to the tensors
    half = len(rows) // 2
    return [*_halving(rows[:half], run), *_halving(rows[half:], run)]
