"""Image models without words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval.encoders.image_only import open_images
from retrieval.encoders.minilm import minilm
from retrieval.encoders.sentence_transformer import open_texts
from retrieval.errors import EncoderDamaged, EncoderMissing

Copy = Callable[[str], Path]


def test_the_vector_is_the_models_own_pooled_one(published: Copy, images: Sequence[np.ndarray]) -> None:
    from transformers import AutoImageProcessor, AutoModel

    model, processor = AutoModel.from_pretrained(published("dinov2")).eval(), AutoImageProcessor.from_pretrained(published("dinov2"))
    pictures = [Image.fromarray(np.rint(image * 255).astype(np.uint8)).convert("RGB") for image in images]
    with torch.inference_mode():
        pooled = model(**processor(images=pictures, return_tensors="pt")).pooler_output
    truth = torch.nn.functional.normalize(pooled, dim=1).numpy()
    made = open_images(str(published("dinov2")), minilm()).images(images)
    assert made.shape == (3, 48)
    assert (made * truth).sum(axis=1).min() > 0.999


def test_without_a_trained_pooler_the_class_token_of_the_last_layer_is_taken(tmp_path: Path, images: Sequence[np.ndarray]) -> None:
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    shape = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    }
    torch.manual_seed(3)
    model = ViTModel(ViTConfig(initializer_range=0.3, **shape), add_pooling_layer=False).eval()
    model.save_pretrained(tmp_path)
    processor = ViTImageProcessorPil(size={"height": 32, "width": 32})
    processor.save_pretrained(tmp_path)
    pictures = [Image.fromarray(np.rint(image * 255).astype(np.uint8)).convert("RGB") for image in images]
    with torch.inference_mode():
        token = model(**processor(images=pictures, return_tensors="pt")).last_hidden_state[:, 0]
    truth = torch.nn.functional.normalize(token, dim=1).numpy()
    assert (open_images(str(tmp_path), minilm()).images(images) * truth).sum(axis=1).min() > 0.999


def test_images_and_texts_keep_lengths_of_their_own(published: Copy) -> None:
    beside_own, beside_other = (open_images(str(published("dinov2")), tower) for tower in (minilm(), open_texts(str(published("text")))))
    assert [(each.image_dimension, each.text_dimension, each.one_space) for each in (beside_own, beside_other)] == [
        (48, 384, False),
        (48, 24, False),
    ]
    assert beside_own.fingerprint != beside_other.fingerprint


def test_a_folder_without_an_image_processor_is_refused(changed: Copy) -> None:
    folder = changed("dinov2")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(EncoderMissing, match="preprocessor_config"):
        open_images(str(folder), minilm())


def test_an_image_processor_nobody_knows_is_refused(changed: Copy) -> None:
    folder = changed("dinov2")
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "OwnProcessor"}))
    with pytest.raises(EncoderDamaged):
        open_images(str(folder), minilm())
