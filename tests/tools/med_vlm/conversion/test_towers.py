"""Vision towers by transformers' names: every tensor taken, and what is another architecture refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tools.med_vlm.conversion.towers import clip_tower, open_clip_tower
from tools.med_vlm.errors import CheckpointRefused


@pytest.fixture
def clip(llava_original: Callable[..., Any]) -> Path:
    base: Path = llava_original("llava_llama").base
    return base


def test_a_clip_is_taken_without_its_words(clip: Path) -> None:
    tower = clip_tower(clip, {})
    assert (tower.side, tower.patch) == (28, 14)
    assert tower.network["model_type"] == "clip_vision_model"
    assert tower.pictures["image_mean"] == [0.5, 0.4, 0.3]
    assert not any(name.startswith(("text", "logit", "visual_projection")) for name in tower.tensors)
    assert tower.tensors["embeddings.patch_embedding.weight"].shape == (32, 3, 14, 14)


def test_a_checkpoints_own_tower_comes_before_the_bases(clip: Path) -> None:
    own = {"embeddings.class_embedding": torch.full((32,), 7.0)}
    assert clip_tower(clip, own).tensors.keys() == own.keys()


@pytest.mark.parametrize("told", [{"model_type": "siglip", "vision_config": {}}, {"model_type": "clip"}, {}])
def test_a_base_that_is_no_clip_is_refused(told: dict[str, Any], clip: Path) -> None:
    (clip / "config.json").write_text(json.dumps(told))
    with pytest.raises(CheckpointRefused, match="no CLIP"):
        clip_tower(clip, {})


def test_a_tensor_that_no_half_of_a_clip_has_is_refused(clip: Path) -> None:
    held = torch.load(clip / "pytorch_model.bin", weights_only=True)
    torch.save(held | {"adapter.weight": torch.ones(1)}, clip / "pytorch_model.bin")
    with pytest.raises(CheckpointRefused, match="left over"):
        clip_tower(clip, {})


@pytest.mark.parametrize("name", ["visual.trunk.pos_embed", "visual.trunk.blocks.1.attn.qkv.bias", "visual.trunk.patch_embed.proj.weight"])
def test_an_open_clip_tower_that_lacks_a_tensor_is_refused(name: str, llava_rad_original: Any, tmp_path: Path) -> None:
    source = llava_rad_original.source
    held = torch.load(source / "tiny_518_checkpoint.pt", weights_only=True)["state_dict"]
    for changed in ({key: each for key, each in held.items() if key != name}, held | {"visual.trunk.norm_pre.weight": torch.ones(64)}):
        torch.save(changed, tmp_path / "tower.pt")
        with pytest.raises(CheckpointRefused, match=r"missing|left over"):
            open_clip_tower(tmp_path / "tower.pt", source / "tiny_518.json")


def test_an_open_clip_tower_says_its_sizes(llava_rad_original: Any) -> None:
    tower = open_clip_tower(llava_rad_original.source / "tiny_518_checkpoint.pt", llava_rad_original.source / "tiny_518.json")
    assert tower.network["num_hidden_layers"] == 3
    assert (tower.side, tower.patch, tower.network["num_attention_heads"]) == (33, 16, 1)
    assert tower.pictures["image_std"][0] == pytest.approx(0.2686, abs=1e-4)
