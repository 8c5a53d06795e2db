"""Regions of an image tower: which places they are, how wide, and which towers give none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.regions import open_regions, squares
from tools.med_vlm.errors import CheckpointRefused

Folder = Callable[[str], Path]


@pytest.mark.parametrize("before", [0, 1, 5])
def test_class_token_and_registers_are_left_out(before: int) -> None:
    places = torch.arange(before + 36.0)[None, :, None].repeat(1, 1, 3)
    made = squares(places)
    assert made.shape == (1, 3, 6, 6)
    assert made[0, 0].flatten().tolist() == list(range(before, before + 36))


def test_a_grid_stays_as_it_is() -> None:
    grid = torch.rand(1, 3, 5, 4)
    assert squares(grid) is grid


def test_regions_are_the_means_of_the_places_they_cover(published: Folder, image: Image) -> None:
    from transformers import ViTModel

    model = ViTModel.from_pretrained(str(published("vit")), add_pooling_layer=False).eval()
    regions = open_regions(ModelFolder(published("vit")), 24, "cpu")
    pixels = regions._processor(images=[_picture(image)], return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        grid = model(pixel_values=pixels).last_hidden_state[0, 1:].reshape(14, 14, 24)
    made = regions(image)
    assert made.shape == (1, 49, 24)
    for row, column in ((0, 0), (2, 5), (6, 6)):
        expected = grid[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean(dim=(0, 1))
        assert torch.allclose(made[0, 7 * row + column], expected, atol=1e-5)


def _picture(image: Image) -> object:
    from tools.med_vlm.backends.pixels import to_pil

    return to_pil(image)


def test_a_convolutional_tower_gives_regions_too(published: Folder, image: Image) -> None:
    made = open_regions(ModelFolder(published("resnet")), 40, "cpu")(image)
    assert made.shape == (1, 49, 40)
    assert not torch.allclose(made, open_regions(ModelFolder(published("resnet")), 40, "cpu")(Image(np.ones((60, 60), np.float32))))


@pytest.mark.parametrize(("kind", "width"), [("vit", 2048), ("resnet", 24)])
def test_a_tower_of_another_width_is_refused(kind: str, width: int, published: Folder) -> None:
    with pytest.raises(CheckpointRefused, match="wide"):
        open_regions(ModelFolder(published(kind)), width, "cpu")


def test_a_folder_without_an_image_processor_is_refused(published: Folder, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(published("vit"), tmp_path / "vit"))
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointRefused):
        open_regions(ModelFolder(folder), 24, "cpu")
