"""Tensors are taken part by part, each once, and none is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tools.med_vlm.backends.composed.checkpoint import Checkpoint, filled, layers, mismatch, settings, whole
from tools.med_vlm.errors import CheckpointRefused, ModelMissing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_file({"tower.a": torch.ones(1), "tower.b": torch.full((2,), 2.0)}, tmp_path / "model-1.safetensors")
    save_file({"tower.c": torch.full((3,), 3.0), "head.weight": torch.zeros(1), "old.x": torch.zeros(1)}, tmp_path / "model-2.safetensors")
    return tmp_path


def test_a_part_is_gathered_from_all_files_and_named_by_the_rest(folder: Path) -> None:
    taken = Checkpoint(folder).take("tower.")
    assert {name: tensor.tolist() for name, tensor in taken.items()} == {"a": [1], "b": [2, 2], "c": [3, 3, 3]}


def test_what_nobody_took_is_refused_at_the_end(folder: Path) -> None:
    held = Checkpoint(folder)
    held.take("tower.")
    with pytest.raises(CheckpointRefused, match="2 tensors are left over"):
        held.close()
    held.take("head.")
    held.leave("old.")
    held.close()


def test_a_part_is_taken_once(folder: Path) -> None:
    held = Checkpoint(folder)
    held.take("tower.")
    with pytest.raises(CheckpointRefused):
        held.take("tower.")


@pytest.mark.fault(118)
def test_what_is_no_safetensors_is_refused(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ModelMissing):
        Checkpoint(tmp_path_factory.mktemp("empty"))
    torch.save({"tower.z": torch.zeros(1)}, folder / "model-3.safetensors")
    with pytest.raises(CheckpointRefused):
        Checkpoint(folder)
    (folder / "model-3.safetensors").write_bytes((folder / "model-2.safetensors").read_bytes()[:-2])
    with pytest.raises(CheckpointRefused):
        Checkpoint(folder)


def test_two_files_with_a_tensor_of_one_name_are_refused(folder: Path) -> None:
    save_file({"tower.a": torch.zeros(1)}, folder / "model-3.safetensors")
    with pytest.raises(CheckpointRefused):
        Checkpoint(folder)


@pytest.mark.parametrize("written", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_settings_are_a_json_object_or_refused(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "config.json").write_bytes(written)
    with pytest.raises(CheckpointRefused):
        settings(tmp_path)


def test_settings_that_are_not_there_or_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        settings(tmp_path, "adapter_config.json")
    with (tmp_path / "config.json").open("wb") as opened:
        opened.truncate(40_000_000)
    with pytest.raises(CheckpointRefused):
        settings(tmp_path)


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


def test_what_a_loader_says_is_not_repeated() -> None:
    with pytest.raises(CheckpointRefused) as refused, mismatch("a tower"):
        raise ValueError("/a/path/of/this/machine")
    assert "/a/path" not in str(refused.value)
