"""Pickles become safetensors with every number as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tools.med_vlm.conversion import convert
from tools.med_vlm.errors import ConversionRefused
from tools.med_vlm.identity import pins

SHARED = torch.randn(4, 3)
HELD = {"embed.weight": SHARED, "head.weight": SHARED, "norm.weight": torch.ones(2, dtype=torch.float16), "turned": torch.randn(3, 4).T}


def test_a_folder_keeps_its_settings_and_every_number(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    torch.save({name: HELD[name] for name in ("embed.weight", "head.weight")}, source / "pytorch_model-00001-of-00002.bin")
    torch.save({name: HELD[name] for name in ("norm.weight", "turned")}, source / "pytorch_model-00002-of-00002.bin")
    torch.save({"lr": 1}, source / "optimizer.pt")
    for name in ("config.json", "pytorch_model.bin.index.json", "vocab.txt", "README.md", "modeling.py"):
        (source / name).write_text("{}")
    made = convert("safetensors", source, tmp_path / "made")
    assert set(pins(made)) == {"model.safetensors", "config.json", "vocab.txt", "conversion.json"}
    found = load_file(made / "model.safetensors")
    assert found.keys() == HELD.keys()
    assert all(torch.equal(found[name], HELD[name]) and found[name].dtype == HELD[name].dtype for name in HELD)


def test_a_single_file_becomes_a_folder(tmp_path: Path) -> None:
    torch.save({"model": {"llama_proj.weight": SHARED}, "epoch": 1}, tmp_path / "checkpoint.pth")
    made = convert("safetensors", tmp_path / "checkpoint.pth", tmp_path / "made")
    assert torch.equal(load_file(made / "model.safetensors")["llama_proj.weight"], SHARED)
    assert json.loads((made / "conversion.json").read_text())["source"].keys() == {"checkpoint.pth"}


def test_one_name_in_two_files_and_no_file_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionRefused, match="no file of weights"):
        convert("safetensors", tmp_path, tmp_path / "made")
    for name in ("one.pt", "two.pt"):
        torch.save(HELD, tmp_path / name)
    with pytest.raises(ConversionRefused, match="one name"):
        convert("safetensors", tmp_path, tmp_path / "made")
