"""A Llama from a folder or from tensors, whole or refused."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tools.med_vlm.backends.composed.llama import llama, load_llama, tokenizer_of
from tools.med_vlm.checkpoint import settings
from tools.med_vlm.errors import CheckpointRefused


def test_its_weights_are_those_of_the_folder(llama_folder: Callable[..., Path]) -> None:
    folder = llama_folder()
    tensors = load_file(folder / "model.safetensors")
    loaded = load_llama(folder, torch.float32).model.state_dict()
    assert set(loaded) == set(tensors)
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def test_tables_that_older_versions_saved_are_passed_over(llama_folder: Callable[..., Path]) -> None:
    folder = llama_folder()
    tensors = load_file(folder / "model.safetensors") | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.full((8,), 9.0)}
    assert llama(tensors, settings(folder), tokenizer_of(folder), torch.float32).width == 32


def test_a_tokenizer_with_more_words_than_the_model_is_refused(llama_folder: Callable[..., Path]) -> None:
    folder = llama_folder()
    tensors = load_file(folder / "model.safetensors")
    with pytest.raises(CheckpointRefused):
        llama(tensors, settings(folder) | {"vocab_size": 100}, tokenizer_of(folder), torch.float32)


def test_sizes_that_make_no_llama_are_refused(llama_folder: Callable[..., Path]) -> None:
    folder = llama_folder()
    tensors = load_file(folder / "model.safetensors")
    with pytest.raises(CheckpointRefused):
        llama(tensors, settings(folder) | {"num_attention_heads": 0}, tokenizer_of(folder), torch.float32)


def test_a_folder_without_weights_or_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointRefused):
        load_llama(tmp_path, torch.float32)
    with pytest.raises(CheckpointRefused):
        tokenizer_of(tmp_path)


@pytest.mark.skipif(find_spec("sentencepiece") is not None, reason="sentencepiece is installed, and reads it")
def test_a_tokenizer_of_2023_says_what_it_takes_to_read_it(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(b"")
    with pytest.raises(CheckpointRefused, match="sentencepiece"):
        tokenizer_of(tmp_path)
