"""The Swin transformer of published tensors against the library's own loading of the same file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tools.med_vlm.backends.matchers.swin import load_swin
from tools.med_vlm.errors import CheckpointRefused

Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Swin as Hugging Face publishes it: heads and depths other than the tiny checkpoint's."""
    from transformers import SwinConfig, SwinModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(5)
    made = tmp_path_factory.mktemp("swin")
    sizes = {"embed_dim": 12, "depths": [1, 2, 1], "num_heads": [1, 3, 4], "window_size": 4, "patch_size": 2, "mlp_ratio": 2.0}
    SwinModel(SwinConfig(**sizes)).save_pretrained(made)
    return made


def test_the_pooled_vector_is_that_of_the_library(folder: Path) -> None:
    from transformers import SwinModel

    pixels = torch.randn(2, 3, 56, 56, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        ours = load_swin(load_file(folder / "model.safetensors")).eval()(pixels)
        theirs = SwinModel.from_pretrained(str(folder)).eval()(pixel_values=pixels).pooler_output
    assert ours.shape == (2, 48)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_file_is_by_the_earlier_names_that_medclip_was_published_under(folder: Path) -> None:
    names = set(load_file(folder / "model.safetensors"))
    assert "encoder.layers.0.blocks.0.attention.self.query.weight" in names
    assert "encoder.layers.0.blocks.0.attention.self.relative_position_bias_table" in names


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("layernorm.weight"),
        lambda tensors: tensors.pop("embeddings.patch_embeddings.projection.weight"),
        lambda tensors: tensors.pop("encoder.layers.1.blocks.1.attention.self.key.bias"),
        lambda tensors: tensors.clear(),
        lambda tensors: tensors.update({"pooler.weight": torch.zeros(2)}),
        lambda tensors: tensors.update({"encoder.layers.0.downsample.reduction.weight": torch.zeros(24, 47)}),
    ],
    ids=["no norm", "no patches", "no key", "nothing", "a part more", "another width"],
)
def test_tensors_that_are_no_whole_swin_are_refused(change: Callable[[Tensors], object], folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    with pytest.raises(CheckpointRefused, match="Swin"):
        load_swin(tensors)
