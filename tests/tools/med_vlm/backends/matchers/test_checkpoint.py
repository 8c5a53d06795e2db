"""A matcher's folder is read in float32, runs no code, and is made ready for answers alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.backends.matchers.checkpoint import open_checkpoint, ready, stock
from tools.med_vlm.errors import ModelCodeRefused
from tools.med_vlm.spec import ModelSpec


def test_numbers_are_float32_and_whole_numbers_stay_whole(tmp_path: Path) -> None:
    save_file({"x": torch.ones(1).half()}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"y": torch.tensor([7])}, tmp_path / "model-00002-of-00002.safetensors")
    held = stock(ModelFolder(tmp_path)).under("")
    assert {name: tensor.dtype for name, tensor in held.items()} == {"x": torch.float32, "y": torch.int64}


@pytest.mark.fault(118)
def test_a_folder_that_asks_for_code_of_its_own_is_refused(
    changed: Callable[..., Path], spec_of: Callable[..., ModelSpec], published: Callable[[str], Path]
) -> None:
    folder = changed("vit")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "own.Own"}}))
    with pytest.raises(ModelCodeRefused):
        open_checkpoint(spec_of("visualbert_answers", base=str(folder)))


def test_a_module_is_made_ready_for_answers_alone() -> None:
    module = ready(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5)), "cpu")
    assert not module.training
    assert not any(each.requires_grad for each in module.parameters())
