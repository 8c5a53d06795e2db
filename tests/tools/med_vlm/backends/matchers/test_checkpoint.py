"""A folder's tensors are taken out until none is left; what is wrong with a folder is one kind of error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from retrieval.encoders.folder import ModelFolder
from retrieval.errors import EncoderDamaged
from tools.med_vlm.backends.matchers.checkpoint import Stock, open_checkpoint, ready, refusing, stock
from tools.med_vlm.errors import CheckpointRefused, ModelCodeRefused
from tools.med_vlm.spec import ModelSpec

Tensors = dict[str, torch.Tensor]


def held() -> Stock:
    return Stock({"a.weight": torch.ones(3, 2), "a.bias": torch.zeros(3), "b.x": torch.ones(1).half(), "b.y": torch.tensor([7])})


def test_what_is_taken_is_gone_and_at_the_end_nothing_is_left() -> None:
    some = held()
    layer = some.linear("a", bias=True)
    assert (layer.in_features, layer.out_features) == (2, 3)
    assert layer(torch.ones(1, 2)).tolist() == [[2, 2, 2]]
    assert set(some.under("b.")) == {"x", "y"}
    assert some.under("b.") == {}
    some.finish()


def test_numbers_are_float32_and_whole_numbers_stay_whole() -> None:
    some = held().under("b.")
    assert (some["x"].dtype, some["y"].dtype) == (torch.float32, torch.int64)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda some: some.take("c"), "'c' is missing"),
        (lambda some: some.linear("b", bias=False), "'b.weight' is missing"),
        (lambda some: some.finish(), "4 tensors are left over"),
        (lambda some: Stock({"a.weight": torch.ones(3)}).linear("a", bias=False), "another shape"),
        (lambda some: Stock({"a.weight": torch.ones(3, 2), "a.bias": torch.ones(2)}).linear("a", bias=True), "another shape"),
    ],
)
def test_what_is_missing_left_over_or_of_another_shape_is_refused(act: Callable[[Stock], object], says: str) -> None:
    with pytest.raises(CheckpointRefused, match=says):
        act(held())


def test_weights_split_into_files_are_read_as_one(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"b": torch.zeros(2)}, tmp_path / "model-00002-of-00002.safetensors")
    some = stock(ModelFolder(tmp_path))
    assert some.take("a").tolist() == [1, 1]
    assert some.take("b").tolist() == [0, 0]
    some.finish()


@pytest.mark.fault(118)
def test_a_folder_without_safetensors_or_with_a_damaged_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointRefused, match="no safetensors"):
        stock(ModelFolder(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(CheckpointRefused, match="cut short"):
        stock(ModelFolder(tmp_path))


@pytest.mark.fault(118)
def test_a_folder_that_asks_for_code_of_its_own_is_refused(
    changed: Callable[..., Path], spec_of: Callable[..., ModelSpec], published: Callable[[str], Path]
) -> None:
    folder = changed("vit")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "own.Own"}}))
    with pytest.raises(ModelCodeRefused):
        open_checkpoint(spec_of("visualbert_answers", base=str(folder)))


def test_what_the_index_says_of_files_is_said_of_a_model() -> None:
    with pytest.raises(CheckpointRefused, match="cut short"), refusing():
        raise EncoderDamaged("a file of the encoder is cut short")


def test_a_module_is_made_ready_for_answers_alone() -> None:
    module = ready(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5)), "cpu")
    assert not module.training
    assert not any(each.requires_grad for each in module.parameters())
