"""Zero-shot matching: the scores of the published networks, worked out again by them; and the scale that stands beside the weights."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from retrieval.encoders.fake import HashEncoder
from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.questions import question, side_question
from tools.med_vlm.backends.matchers.clip import Matcher, Scale, open_clip_matcher, read_scale
from tools.med_vlm.backends.matchers.prompts import sentences
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Question

Spec = Callable[..., ModelSpec]
Folder = Callable[..., Path]
QUESTIONS = (question("pleural_effusion"), side_question("nodule"))


def published_logit(model: Any, processor: Any, image: Image, caption: str, padding: Any) -> float:
    """A caption's logit by the model's own forward: the mean of its sentences' unit vectors against the image, scaled."""
    inputs = processor(text=list(sentences(caption, image)), images=to_pil(image), return_tensors="pt", padding=padding, truncation=True)
    model.requires_grad_(False)
    with torch.inference_mode():
        out = model(**inputs)
    mean = out.text_embeds.double().mean(0)
    cosine = float(mean / mean.norm() @ out.image_embeds[0].double())
    bias = float(model.logit_bias) if hasattr(model, "logit_bias") else 0.0
    return math.exp(float(model.logit_scale)) * cosine + bias


def test_clip_is_a_softmax_over_its_own_logits(published: Folder, spec_of: Spec, image: Image) -> None:
    from transformers import CLIPModel, CLIPProcessor

    folder = str(published("clip"))
    model, processor = CLIPModel.from_pretrained(folder).eval(), CLIPProcessor.from_pretrained(folder)
    for asked, answered in zip(QUESTIONS, open_clip_matcher(spec_of("clip")).choose(Asked((image,)), QUESTIONS), strict=True):
        logits = [published_logit(model, processor, image, caption, True) for caption in asked.captions]
        whole = sum(math.exp(logit) for logit in logits)
        for answer, logit in zip(asked.answers, logits, strict=True):
            assert answered.probabilities[answer] == pytest.approx(math.exp(logit) / whole, abs=0.02)


def test_siglip_says_of_each_caption_by_itself_whether_it_fits_and_these_are_shared_out(
    published: Folder, spec_of: Spec, image: Image
) -> None:
    from transformers import SiglipModel, SiglipProcessor

    folder = str(published("siglip"))
    model, processor = SiglipModel.from_pretrained(folder).eval(), SiglipProcessor.from_pretrained(folder)
    for asked, answered in zip(QUESTIONS, open_clip_matcher(spec_of("siglip")).choose(Asked((image,)), QUESTIONS), strict=True):
        fits = [1 / (1 + math.exp(-published_logit(model, processor, image, caption, "max_length"))) for caption in asked.captions]
        for answer, fit in zip(asked.answers, fits, strict=True):
            assert answered.probabilities[answer] == pytest.approx(fit / sum(fits), abs=0.02)


@pytest.mark.parametrize(("kind", "scale", "bias"), [("clip", 2.6592, None), ("siglip", None, None), ("open_clip", 4.6, None)])
def test_the_scale_is_that_of_the_weights(kind: str, scale: float | None, bias: float | None, published: Folder) -> None:
    tensors = {name: tensor for path in published(kind).glob("*.safetensors") for name, tensor in load_file(path).items()}
    read = read_scale(ModelFolder(published(kind)))
    assert read.factor == pytest.approx(math.exp(float(tensors["logit_scale"])), rel=1e-6)
    assert read.factor == pytest.approx(math.exp(scale), rel=1e-4) if scale else read.factor > 0
    assert (read.bias is None) == ("logit_bias" not in tensors)


def rescaled(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> ModelFolder:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return ModelFolder(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("logit_scale"),
        lambda tensors: tensors.update({"other.logit_scale": torch.tensor(1.0)}),
        lambda tensors: tensors.update(logit_scale=torch.tensor(math.nan)),
        lambda tensors: tensors.update(logit_scale=torch.tensor(100.0)),
        lambda tensors: tensors.update(logit_bias=torch.tensor(math.inf)),
    ],
    ids=["none", "two", "NaN", "already raised", "an infinite bias"],
)
def test_a_scale_that_is_none_is_refused(change: Callable[[dict[str, torch.Tensor]], object], changed: Folder) -> None:
    with pytest.raises(CheckpointRefused, match="logit_scale"):
        read_scale(rescaled(changed("clip"), change))


def test_an_encoder_that_is_not_whole_is_refused_as_the_model_it_is(changed: Folder, spec_of: Spec) -> None:
    folder = changed("open_clip")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["timm_model_name"] = "convnext_base"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointRefused, match="not covered"):
        open_clip_matcher(spec_of("open_clip", folder))


class Counting(HashEncoder):
    """The declared double of an encoder, counting what it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []
        self.read: list[str] = []

    def images(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        self.seen.append(len(batch))
        return super().images(batch)

    def texts(self, batch: Sequence[str]) -> np.ndarray:
        self.read += batch
        return super().texts(batch)


def test_an_image_is_embedded_once_for_all_questions_and_a_caption_once_for_all_images(image: Image) -> None:
    encoder = Counting()
    matcher = Matcher(encoder, Scale(10.0, None))
    for _ in range(3):
        matcher(image, QUESTIONS)
    assert encoder.seen == [1, 1, 1]
    assert len(encoder.read) == len(set(encoder.read)) == 5 * 4


def test_a_larger_scale_makes_the_same_choice_more_surely(image: Image) -> None:
    asked = Question("one", "", ("yes", "no"), ("pleural effusion", "no pleural effusion"))
    (small,), (large,) = (Matcher(HashEncoder(), Scale(factor, None))(image, [asked]) for factor in (1.0, 100.0))
    assert np.allclose(100 * small, large)
