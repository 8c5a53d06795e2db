"""Folders loaded by Hugging Face's classes: whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from retrieval.encoders.hugging_face import check_weights, load_model, refused_as_damaged
from retrieval.errors import EncoderDamaged

Copy = Callable[[str], Path]


def reweighted(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def drop_one(tensors: dict[str, torch.Tensor]) -> None:
    tensors.pop("embeddings.patch_embeddings.projection.weight")


def add_one(tensors: dict[str, torch.Tensor]) -> None:
    tensors["embeddings.register_tokens"] = torch.zeros(1, 4, 48)


def test_a_whole_model_is_loaded_in_float32(published: Copy) -> None:
    model, missing = load_model(published("dinov2"))
    assert missing == ()
    assert {each.dtype for each in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("change", [drop_one, add_one])
def test_weights_missing_or_left_over_are_refused_and_not_drawn_at_random(
    change: Callable[[dict[str, torch.Tensor]], None], changed: Copy
) -> None:
    with pytest.raises(EncoderDamaged, match="1 weights are missing"):
        load_model(reweighted(changed("dinov2"), change))


def test_weights_of_another_shape_are_refused(changed: Copy) -> None:
    folder = reweighted(changed("dinov2"), lambda tensors: tensors.update({"layernorm.weight": torch.ones(47)}))
    with pytest.raises(EncoderDamaged):
        load_model(folder)


def test_the_head_of_a_task_may_be_left_over(changed: Copy) -> None:
    load_model(reweighted(changed("dinov2"), lambda tensors: tensors.update({"classifier.weight": torch.zeros(3, 96)})))


def test_a_folder_that_asks_for_code_of_its_own_is_refused_and_the_code_does_not_run(changed: Copy, tmp_path: Path) -> None:
    folder = changed("dinov2")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "made_up", "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(EncoderDamaged):
        load_model(folder)
    assert not (tmp_path / "ran").exists()


def test_weights_cut_short_are_refused(changed: Copy) -> None:
    folder = changed("dinov2")
    held = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(held[: len(held) // 2])
    with pytest.raises(EncoderDamaged):
        check_weights(folder)


@pytest.mark.parametrize(
    ("settings", "beside"),
    [
        ('{"pooling_mode_mean_tokens": true}', "model.safetensors"),
        ('{"model_type": "bert"}', "openvino_model.bin"),
        ('{"model_type": "bert"}', "model.onnx"),
    ],
    ids=["a pooling", "an OpenVINO export", "an ONNX export"],
)
def test_a_folder_without_a_model_of_its_own_passes(settings: str, beside: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(settings)
    (tmp_path / beside).write_bytes(b"")
    check_weights(tmp_path)


def test_the_message_holds_nothing_of_what_the_library_said() -> None:
    with pytest.raises(EncoderDamaged) as refused, refused_as_damaged():
        raise OSError("https://hub.example/?token=secret /home/someone")
    assert str(refused.value).endswith("code of its own (OSError)")
