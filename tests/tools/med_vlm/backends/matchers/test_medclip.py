"""MedCLIP against an explicit loop over `BertModel` and `SwinModel`, its preprocessing, and what of a checkpoint is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.questions import question
from tools.med_vlm.backends.matchers.checkpoint import stock
from tools.med_vlm.backends.matchers.medclip import DEVIATION, MEAN, MedClip, factor, load_medclip, open_medclip, prepared
from tools.med_vlm.backends.matchers.prompts import sentences
from tools.med_vlm.backends.matchers.words import read_words
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.spec import ModelSpec

Spec = Callable[..., ModelSpec]
Folder = Callable[..., Path]
Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def bert(published: Folder) -> torch.nn.Module:
    """The text model as Hugging Face's `BertModel`."""
    from transformers import BertConfig, BertModel

    tensors = {
        name.removeprefix("text_model.model."): tensor
        for name, tensor in load_file(published("medclip_swin") / "model.safetensors").items()
        if name.startswith("text_model.model.") and not name.endswith("position_ids")
    }
    vocabulary, width = tensors["embeddings.word_embeddings.weight"].shape
    sizes = {"hidden_size": width, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 1}
    model = BertModel(BertConfig(vocab_size=vocabulary, max_position_embeddings=128, **sizes)).eval()
    model.load_state_dict(tensors)
    return model


def explicit(bert: torch.nn.Module, projection: torch.Tensor, tokens: list[int]) -> np.ndarray:
    """A text's vector by loops: the mean over three layers of the mean over tokens."""
    with torch.inference_mode():
        states = bert(input_ids=torch.tensor([tokens]), output_hidden_states=True).hidden_states
    pooled = np.zeros(projection.shape[1])
    for layer in (1, 2, 3):
        for place in range(len(tokens)):
            pooled += states[layer][0, place].double().numpy() / (3 * len(tokens))
    return np.asarray(projection.double().numpy() @ pooled)


def test_a_probability_is_that_of_the_published_networks_put_together_by_hand(
    published: Folder, spec_of: Spec, image: Image, bert: torch.nn.Module
) -> None:
    from transformers import SwinConfig, SwinModel

    folder = published("medclip_swin")
    tensors, words = load_file(folder / "model.safetensors"), read_words((ModelFolder(folder),))
    swin = SwinModel(SwinConfig(embed_dim=8, depths=[1, 1, 2, 1], num_heads=[1, 2, 2, 4])).eval()
    network = load_medclip(stock(ModelFolder(folder)))
    swin.load_state_dict(network.vision[0].model.state_dict())  # type: ignore[index]  # names: test_swin.py
    with torch.inference_mode():
        pooled = swin(pixel_values=prepared(image)[None]).pooler_output[0]
    seen = (tensors["vision_model.projection_head.weight"] @ pooled).double().numpy()
    asked = question("cardiomegaly")
    logits = []
    for caption in asked.captions:
        cosines = []
        for sentence in sentences(caption, image):
            said = explicit(bert, tensors["text_model.projection_head.weight"], words.framed(sentence, 77))
            cosines.append(said @ seen / (np.linalg.norm(said) * np.linalg.norm(seen)))
        logits.append(math.exp(3.0) * sum(cosines) / len(cosines))
    (answered,) = open_medclip(spec_of("medclip_swin")).choose(Asked((image,)), [asked])
    assert answered.probabilities["yes"] == pytest.approx(1 / (1 + math.exp(logits[1] - logits[0])), abs=1e-4)


def test_pooling_is_neither_the_poolers_nor_the_last_layers(published: Folder, bert: torch.nn.Module) -> None:
    folder = published("medclip_swin")
    network, words = load_medclip(stock(ModelFolder(folder))), read_words((ModelFolder(folder),))
    tokens = words.framed("large left pleural effusion", 77)
    with torch.inference_mode():
        ours = network.text(torch.tensor([tokens]))[0]
        out = bert(input_ids=torch.tensor([tokens]))
        others = [network.projection(out.pooler_output[0]), network.projection(out.last_hidden_state[0].mean(0))]
    assert np.allclose(ours.numpy(), explicit(bert, network.projection.weight.detach(), tokens), atol=1e-4)
    assert all(torch.cosine_similarity(ours, other, dim=0) < 0.99 for other in others)


def test_a_text_has_one_vector_whatever_is_asked_with_it(published: Folder, image: Image) -> None:
    folder = ModelFolder(published("medclip_resnet"))
    asked = [question(key) for key in ("nodule", "tension_pneumothorax", "pleural_effusion")]
    together, alone = (MedClip(load_medclip(stock(folder)), read_words((folder,)), "cpu") for _ in range(2))
    rows = together(image, asked)
    for row, one in zip(rows[::-1], asked[::-1], strict=True):
        assert np.array_equal(alone(image, [one])[0], row)


@pytest.mark.parametrize(("stored", "used"), [(-3.0, 1.0), (0.0, 1.0), (2.6593, math.exp(2.6593)), (4.6052, 100.0), (9.0, 100.0)])
def test_the_stored_scale_is_held_to_its_bounds(stored: float, used: float) -> None:
    assert factor(stored) == pytest.approx(used, rel=1e-4)


def test_an_image_is_set_into_a_black_square_and_normed_by_its_grey(image: Image) -> None:
    high = Image(np.full((448, 100), 0.5, dtype=np.float32))
    made = prepared(high)
    black, grey = (0 - MEAN) / DEVIATION, (128 / 255 - MEAN) / DEVIATION
    assert made.shape == (3, 224, 224)
    assert torch.equal(made[0], made[1])
    assert made[0, 112, 0].item() == pytest.approx(black, abs=1e-5)
    assert made[0, 112, 112].item() == pytest.approx(grey, abs=1e-5)
    assert made[0, 100, 80:87].max().item() == pytest.approx(black, abs=0.2)
    assert prepared(image).shape == (3, 224, 224)


def test_a_small_image_is_not_enlarged() -> None:
    made = prepared(Image(np.ones((10, 20), dtype=np.float32)))
    assert int((made[0] > 0).sum()) == 10 * 20


@pytest.mark.parametrize("kind", ["medclip_swin", "medclip_resnet"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tensors: tensors.pop("logit_scale"), "logit_scale"),
        (lambda tensors: tensors.pop("text_model.model.encoder.layer.1.output.dense.weight"), "missing"),
        (lambda tensors: tensors.pop("text_model.projection_head.weight"), "missing"),
        (lambda tensors: tensors.update({"text_model.model.encoder.layer.7.output.dense.weight": torch.zeros(64, 96)}), "missing"),
        (lambda tensors: tensors.update({"vision_model.model.extra": torch.zeros(3)}), "left over"),
        (lambda tensors: tensors.update({"text_model.projection_head.bias": torch.zeros(20)}), "left over"),
        (lambda tensors: tensors.update({"text_model.projection_head.weight": torch.zeros(20, 128)}), "heads|width"),
        (lambda tensors: tensors.update({"text_model.model.embeddings.position_embeddings.weight": torch.zeros(76, 64)}), "77 places"),
    ],
    ids=["no scale", "a layer less", "no projection", "a layer too many", "an unknown part", "a bias", "another width", "too few places"],
)
def test_a_checkpoint_that_is_not_whole_is_refused(kind: str, change: Callable[[Tensors], object], says: str, changed: Folder) -> None:
    with pytest.raises(CheckpointRefused, match=says):
        load_medclip(stock(ModelFolder(changed(kind, change))))


def test_word_pieces_may_stand_beside_the_base_model(changed: Folder, spec_of: Spec, image: Image, tmp_path: Path) -> None:
    folder, base = changed("medclip_swin"), tmp_path / "clinical_bert"
    base.mkdir()
    (folder / "tokenizer.json").rename(base / "tokenizer.json")
    with pytest.raises(CheckpointRefused, match=r"vocab\.txt"):
        open_medclip(spec_of("medclip_swin", folder))
    split, whole = open_medclip(spec_of("medclip_swin", folder, base=str(base))), open_medclip(spec_of("medclip_swin"))
    assert split.choose(Asked((image,)), [question("nodule")]) == whole.choose(Asked((image,)), [question("nodule")])
    assert split.fingerprint != whole.fingerprint


def test_word_pieces_of_another_model_are_refused(changed: Folder, spec_of: Spec) -> None:
    folder = changed("medclip_swin")
    pieces = json.loads((folder / "tokenizer.json").read_text())
    pieces["model"]["vocab"]["unheard"] = len(pieces["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(pieces))
    with pytest.raises(CheckpointRefused, match="another model"):
        open_medclip(spec_of("medclip_swin", folder))
