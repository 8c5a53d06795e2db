"""A network is made of a checkpoint's tensors whole, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tools.med_vlm.backends.composed.filling import filled, layers, whole
from tools.med_vlm.errors import CheckpointRefused


def test_layers_are_counted_by_the_last() -> None:
    names = ["layers.0.a", "layers.11.a", "layers.2.b", "layers.norm", "other.40.a"]
    assert layers(names, "layers.") == 12
    assert layers([], "layers.") == 0


def test_a_module_of_ours_is_filled_whole_or_refused() -> None:
    tensors = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
    made = filled(torch.nn.Linear(3, 2), tensors, torch.float32)
    assert torch.equal(made.weight, tensors["weight"])
    assert not made.training
    for wrong in ({"weight": torch.ones(2, 3)}, tensors | {"more": torch.zeros(1)}, tensors | {"bias": torch.zeros(3)}):
        with pytest.raises(CheckpointRefused):
            filled(torch.nn.Linear(3, 2), wrong, torch.float32)


def test_a_model_of_transformers_is_filled_whole_or_refused_without_a_word_on_the_error_stream(
    llama_folder: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.utils import logging

    folder = llama_folder()
    sizes, tensors = LlamaConfig.from_pretrained(folder), load_file(folder / "model.safetensors")
    before = logging.get_verbosity()
    capfd.readouterr()
    assert torch.equal(whole(LlamaForCausalLM, sizes, tensors, torch.float32).lm_head.weight, tensors["lm_head.weight"])
    short = {name: tensor for name, tensor in tensors.items() if name != "lm_head.weight"}
    renamed = short | {"head.weight": tensors["lm_head.weight"]}
    turned = tensors | {"lm_head.weight": tensors["lm_head.weight"].T.contiguous()}
    for wrong in (short, tensors | {"more": torch.zeros(1)}, tensors | {"model.norm.weight": torch.zeros(3)}, renamed, turned):
        with pytest.raises(CheckpointRefused):
            whole(LlamaForCausalLM, sizes, wrong, torch.float32)
    assert capfd.readouterr().err == ""
    assert logging.get_verbosity() == before


def test_settings_of_a_model_of_billions_are_refused_before_it_takes_any_memory(llama_folder: Callable[..., Path]) -> None:
    from safetensors.torch import load_file
    from transformers import LlamaConfig, LlamaForCausalLM

    with pytest.raises(CheckpointRefused, match="of another size"):
        whole(LlamaForCausalLM, LlamaConfig(), load_file(llama_folder() / "model.safetensors"), torch.float32)
