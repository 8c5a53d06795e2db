"""CLIP's and SigLIP's towers give here what transformers gives, and stay still where they are told to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.encoders.pictures import picture
from tools.med_vlm.adapting.contrastive.towers import PairTowers

Checkpoint = Callable[[str], Path]
IMAGES = np.random.default_rng(4).random((2, 50, 40)).astype(np.float32)
REPORTS = ("No pleural effusion.", "Findings: The heart is enlarged. A moderate pleural effusion on the left.")
SAID = (REPORTS[0], "The heart is enlarged. A moderate pleural effusion on the left.")


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_vectors_are_those_of_the_published_model(kind: str, checkpoint: Checkpoint) -> None:
    from transformers import AutoModel, AutoProcessor

    folder = checkpoint(kind)
    towers = PairTowers(str(folder), "none", sigmoid=True, device="cpu")
    model: Any = AutoModel.from_pretrained(str(folder)).eval()
    processor: Any = AutoProcessor.from_pretrained(str(folder))
    towers.module.eval()
    longest = model.config.text_config.max_position_embeddings
    made = processor(
        text=list(SAID),
        images=[picture(image) for image in IMAGES],
        padding="max_length",
        max_length=longest,
        truncation=True,
        return_tensors="pt",
    )
    with torch.no_grad():
        output = model(**made)
        kept = np.stack([towers.picture(image) for image in IMAGES])
        assert torch.allclose(towers.images(kept), output.image_embeds, atol=1e-5)
        assert torch.allclose(towers.texts(REPORTS), output.text_embeds, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "sigmoid", "bias"), [("clip", True, "logit_bias"), ("siglip", True, "model.logit_bias"), ("clip", False, None)]
)
def test_a_bias_is_learnt_where_the_loss_has_one(kind: str, sigmoid: bool, bias: str | None, checkpoint: Checkpoint) -> None:
    towers = PairTowers(str(checkpoint(kind)), "vision", sigmoid=sigmoid, device="cpu")
    moving = {name for name, each in towers.module.named_parameters() if each.requires_grad}
    assert {name for name in moving if "logit_bias" in name} == ({bias} if bias else set())
    assert not any("vision_model" in name for name in moving)
    assert any("text_model" in name for name in moving)
