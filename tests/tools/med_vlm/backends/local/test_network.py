"""Weights are whole or refused, a folder's habits of writing are put aside, and what does not fit is done in parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from tools.med_vlm.backends.local.network import in_parts, load_network, longest_text, plain_generation, refused
from tools.med_vlm.backends.local.processing import load_processor
from tools.med_vlm.errors import CheckpointRefused, ModelOutOfMemory


def rename(tensors: dict[str, torch.Tensor], old: str, new: str) -> dict[str, torch.Tensor]:
    return {new if name == old else name: tensor for name, tensor in tensors.items()}


NORM = "language_model.model.norm.weight"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors: {name: tensor for name, tensor in tensors.items() if name != NORM},
        lambda tensors: tensors | {"other.weight": torch.ones(1)},
        lambda tensors: tensors | {NORM: torch.ones(5)},
        lambda tensors: rename(tensors, NORM, "language_model.model.gnorm.weight"),
    ],
    ids=["missing", "left over", "another shape", "another name"],
)
def test_weights_that_are_not_whole_are_refused(spoil: Callable[[Any], Any], tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = tiny("llava", tmp_path / "spoilt")
    save_file(spoil(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointRefused):
        load_network(folder, "cpu")


def test_weights_cut_short_are_refused_without_their_place(tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = tiny("llava", tmp_path / "cut")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointRefused) as caught:
        load_network(folder, "cpu")
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.fault(118)
def test_pickled_weights_are_not_read_even_where_there_is_nothing_else(tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = tiny("llava", tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointRefused):
        load_network(folder, "cpu")


def test_penalties_and_chances_of_a_folders_settings_are_put_aside(tiny: Callable[..., Path], tmp_path: Path) -> None:
    folder = tiny("llava", tmp_path / "habits")
    told = {"eos_token_id": [2, 5], "repetition_penalty": 1.3, "do_sample": True, "temperature": 0.1, "top_k": 1, "min_new_tokens": 7}
    (folder / "generation_config.json").write_text(json.dumps(told))
    network = load_network(folder, "cpu")
    assert plain_generation(network, load_processor(folder, "llava").tokenizer) == {2, 5}
    left = network.generation_config
    assert (left.repetition_penalty, left.do_sample, left.temperature, left.min_new_tokens) == (None, None, None, None)
    assert longest_text(network) == 4096


@pytest.mark.fault(66)
@given(rows=st.lists(st.integers(), max_size=40), room=st.integers(1, 20), most=st.integers(1, 20))
def test_all_rows_come_back_in_order_however_little_room_there_is(rows: list[int], room: int, most: int) -> None:
    def run(part: Sequence[int]) -> list[int]:
        assert len(part) <= most
        if len(part) > room:
            raise torch.OutOfMemoryError
        return [2 * row for row in part]

    assert in_parts(rows, run, most) == [2 * row for row in rows]


@pytest.mark.fault(66)
def test_no_room_for_one_row_is_an_error_that_may_pass() -> None:
    def run(_: Sequence[int]) -> list[int]:
        raise torch.OutOfMemoryError

    with pytest.raises(ModelOutOfMemory) as caught:
        in_parts([1, 2, 3], run)
    assert caught.value.retryable


@pytest.mark.parametrize("error", [OSError("/secret/path"), KeyError("x"), RuntimeError("size mismatch"), ImportError("torchvision")])
def test_what_loaders_raise_names_no_path(error: Exception) -> None:
    with pytest.raises(CheckpointRefused) as caught, refused():
        raise error
    assert "secret" not in str(caught.value)


def test_a_device_too_small_for_the_weights_says_so() -> None:
    with pytest.raises(ModelOutOfMemory), refused():
        raise torch.OutOfMemoryError
