"""A low-rank adapter in its weights gives what peft's formula gives beside them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tools.med_vlm.conversion.lora import adapted, without_wrapping
from tools.med_vlm.errors import CheckpointRefused

RANDOM = torch.Generator().manual_seed(4)
W = torch.randn(5, 3, generator=RANDOM)
A, B = torch.randn(2, 3, generator=RANDOM), torch.randn(5, 2, generator=RANDOM)
LAYER = "base_model.model.model.layers.0.self_attn.q_proj"
WEIGHTS = {"model.layers.0.self_attn.q_proj.weight": W, "model.norm.weight": torch.ones(3)}


def adapter(folder: Path, tensors: dict[str, torch.Tensor] | None = None, **how: Any) -> Path:
    named = {f"{LAYER}.lora_A.weight": A, f"{LAYER}.lora_B.weight": B} if tensors is None else tensors
    torch.save(named, folder / "adapter_model.bin")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 16} | how))
    return folder


@pytest.mark.parametrize(("how", "scale"), [({}, 8.0), ({"lora_alpha": 4}, 2.0), ({"use_rslora": True}, 16 / math.sqrt(2))])
def test_the_sum_is_the_layers_answer_with_the_adapter_beside_it(how: dict[str, Any], scale: float, tmp_path: Path) -> None:
    made = adapted(WEIGHTS, adapter(tmp_path, **how))
    x = torch.randn(7, 3, generator=RANDOM)
    assert torch.allclose(x @ made["model.layers.0.self_attn.q_proj.weight"].T, x @ W.T + scale * ((x @ A.T) @ B.T), atol=1e-4)
    assert torch.equal(made["model.norm.weight"], WEIGHTS["model.norm.weight"])
    assert torch.equal(WEIGHTS["model.layers.0.self_attn.q_proj.weight"], W)


def test_the_sum_is_made_in_full_precision_and_kept_in_the_weights_own(tmp_path: Path) -> None:
    halves = {name: tensor.half() for name, tensor in WEIGHTS.items()}
    made = adapted(halves, adapter(tmp_path))["model.layers.0.self_attn.q_proj.weight"]
    assert made.dtype == torch.float16
    assert torch.equal(made, (W.half().float() + 8 * (B @ A)).half())


def test_newer_files_are_safetensors_with_an_adapters_name(tmp_path: Path) -> None:
    adapter(tmp_path)
    (tmp_path / "adapter_model.bin").unlink()
    save_file({f"{LAYER}.lora_A.default.weight": A, f"{LAYER}.lora_B.default.weight": B}, tmp_path / "adapter_model.safetensors")
    assert not torch.equal(adapted(WEIGHTS, tmp_path)["model.layers.0.self_attn.q_proj.weight"], W)


@pytest.mark.parametrize(
    "how",
    [
        {"bias": "all"},
        {"use_dora": True},
        {"fan_in_fan_out": True},
        {"modules_to_save": ["lm_head"]},
        {"rank_pattern": {"q": 4}},
        {"peft_type": "IA3"},
        {"r": 0},
        {"r": None},
        {"lora_alpha": "8"},
    ],
)
def test_an_adapter_that_is_more_or_says_too_little_is_refused(how: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(CheckpointRefused):
        adapted(WEIGHTS, adapter(tmp_path, **how))


@pytest.mark.parametrize(
    "tensors",
    [
        {f"{LAYER}.lora_A.weight": A},
        {f"{LAYER}.lora_A.weight": A, f"{LAYER}.lora_B.weight": B[:4]},
        {f"{LAYER}.lora_A.weight": A, f"{LAYER}.lora_B.weight": B[:, :1]},
        {f"{LAYER}.lora_A.weight": A, f"{LAYER}.lora_B.weight": B, f"{LAYER}.lora_magnitude_vector": B},
        {"base_model.model.other.lora_A.weight": A, "base_model.model.other.lora_B.weight": B},
    ],
    ids=["half a pair", "too few rows", "other ranks", "more", "another layer"],
)
def test_matrices_that_do_not_belong_to_the_weights_are_refused(tensors: dict[str, torch.Tensor], tmp_path: Path) -> None:
    with pytest.raises(CheckpointRefused):
        adapted(WEIGHTS, adapter(tmp_path, tensors))


@pytest.mark.parametrize("name", ["base_model.model.model.mm_projector.0.weight", "model.mm_projector.0.weight"])
def test_what_was_trained_whole_goes_by_the_models_own_name(name: str) -> None:
    assert without_wrapping({name: W}).under("").keys() == {"model.mm_projector.0.weight"}
