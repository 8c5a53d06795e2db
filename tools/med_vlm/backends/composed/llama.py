"""The Llama that composed models speak with: from a folder of its own, or from the tensors of a larger checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.encoders.hugging_face import silenced
from tools.med_vlm.backends.composed.filling import whole
from tools.med_vlm.backends.composed.speech import Speech
from tools.med_vlm.checkpoint import making, settings, stock_of
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor, dtype

_RECOMPUTED = ".rotary_emb.inv_freq"
"""Older transformers saved it in each layer; it follows from the settings."""


def load_llama(folder: Path, number: dtype, *, stops: Sequence[str] = ()) -> Speech:
    """A Llama, with its tokenizer, as transformers saves it.

    Raises:
        CheckpointRefused: there are no weights or no settings in the folder; a tensor is missing, left over or of another shape.
    """
    return llama(stock_of(folder).under(""), settings(folder), tokenizer_of(folder), number, stops=stops)


def llama(tensors: Mapping[str, Tensor], sizes: Mapping[str, Any], tokenizer: Any, number: dtype, *, stops: Sequence[str] = ()) -> Speech:
    """A Llama of these tensors, named as `LlamaForCausalLM` names them.

    Raises:
        CheckpointRefused: as `load_llama`.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    with making("LlamaForCausalLM"):
        config = LlamaConfig.from_dict(dict(sizes))
    kept = {name: tensor for name, tensor in tensors.items() if not name.endswith(_RECOMPUTED)}
    if tokenizer.vocab_size > config.vocab_size:
        raise CheckpointRefused("the tokenizer has words that the language model has not")
    return Speech(whole(LlamaForCausalLM, config, kept, number), tokenizer, stops=stops)


def tokenizer_of(folder: Path) -> Any:
    """The tokenizer of a folder; no code of the folder's is run.

    The Vicunas and LLaMAs of 2023 came with a `tokenizer.model` alone, which takes the package `sentencepiece` to read.

    Raises:
        CheckpointRefused: there is none that can be read.
    """
    from transformers import AutoTokenizer

    if not (folder / "tokenizer.json").is_file() and (folder / "tokenizer.model").is_file() and find_spec("sentencepiece") is None:
        raise CheckpointRefused("to read its tokenizer.model, install the package sentencepiece, or put a tokenizer.json beside it")
    with making("a tokenizer"), silenced():
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
