"""A base is loaded whole, from safetensors, without code of its own, or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tools.med_vlm.adapting.loading import load, load_processor, source_of
from tools.med_vlm.errors import ModelCodeRefused, ModelFormatRefused, ModelNotFound, TrainingBaseRefused


@pytest.fixture
def copied(clip: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip, tmp_path / "copy"))


def test_the_mark_changes_with_any_file(clip: Path, copied: Path) -> None:
    assert source_of(str(copied)).fingerprint == source_of(str(clip)).fingerprint
    (copied / "config.json").write_text((copied / "config.json").read_text() + "\n")
    assert source_of(str(copied)).fingerprint != source_of(str(clip)).fingerprint


def test_a_folder_that_is_not_there_is_not_found() -> None:
    with pytest.raises(ModelNotFound):
        source_of("./nowhere")


@pytest.mark.fault(118)
def test_pickled_weights_are_refused(copied: Path) -> None:
    (copied / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelFormatRefused):
        source_of(str(copied))


def test_code_of_its_own_is_refused(copied: Path) -> None:
    told = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**told, "auto_map": {"AutoModel": "model.Model"}}))
    with pytest.raises(ModelCodeRefused):
        source_of(str(copied))


@pytest.mark.parametrize("change", [lambda t: t.pop("text_projection.weight"), lambda t: t.update(more=t["logit_scale"].clone())])
def test_weights_that_are_not_whole_are_refused(change: Callable[[dict[str, object]], object], copied: Path) -> None:
    from transformers import AutoModel

    tensors = load_file(copied / "model.safetensors")
    change(tensors)  # type: ignore[arg-type]  # tensors by name
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingBaseRefused, match="1 of its weights"):
        load(AutoModel, source_of(str(copied)))


def test_a_folder_without_a_processor_is_refused(copied: Path) -> None:
    from transformers import AutoProcessor

    for name in ("processor_config.json", "tokenizer.json", "tokenizer_config.json"):
        (copied / name).unlink()
    with pytest.raises(TrainingBaseRefused, match="processor"):
        load_processor(AutoProcessor, source_of(str(copied)))


def test_a_folder_without_settings_has_no_kind(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert source_of(str(tmp_path)).kind == ""
