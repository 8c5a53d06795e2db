"""MedViLL's network against Hugging Face's `BertModel` fed by hand, its masks and places, and what of a checkpoint is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.checkpoint import stock
from tools.med_vlm.backends.matchers.medvill import prepared
from tools.med_vlm.backends.matchers.medvill_network import (
    MedVillNetwork,
    full_mask,
    grid_pixels,
    load_medvill,
    pretraining_mask,
)
from tools.med_vlm.backends.matchers.words import read_words
from tools.med_vlm.errors import CheckpointRefused

Folder = Callable[..., Path]
Tensors = dict[str, torch.Tensor]


def opened(folder: Path) -> MedVillNetwork:
    return load_medvill(stock(ModelFolder(folder))).eval()


def test_hidden_states_are_those_of_bert_over_image_and_text(published: Folder, image: Image) -> None:
    from transformers import BertConfig, BertModel

    folder = published("medvill")
    network, words = opened(folder), read_words((ModelFolder(folder),))
    tensors = load_file(folder / "model.safetensors")
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 1}
    vocabulary = tensors["enc.txt_embeddings.word_embeddings.weight"].shape[0]
    bert = BertModel(BertConfig(vocab_size=vocabulary, attn_implementation="eager", **sizes)).eval()
    bert.load_state_dict(
        {
            name.removeprefix("enc.").replace("txt_embeddings", "embeddings"): tensor
            for name, tensor in tensors.items()
            if name.startswith(("enc.txt_embeddings", "enc.encoder", "enc.pooler")) and not name.endswith("position_ids")
        }
    )
    text = torch.tensor([[*words.pieces("small left effusion"), words.sep, words.pad, words.pad]])
    pixels = prepared(image)[None]
    with torch.inference_mode():
        features, places = network.regions(pixels)
        embedded = bert.embeddings.word_embeddings
        inputs = torch.cat((embedded(torch.tensor([[words.cls]])), features, embedded(torch.tensor([[words.sep]])), embedded(text)), dim=1)
        positions = torch.cat((torch.zeros(1), places, torch.zeros(1), torch.arange(text.shape[1]))).long()[None]
        kinds = torch.tensor([[0] * (2 + len(places)) + [1] * text.shape[1]])
        kept = pretraining_mask(2 + len(places), text.shape[1])
        out = bert(inputs_embeds=inputs, position_ids=positions, token_type_ids=kinds, attention_mask=torch.where(kept, 0.0, -10000.0))
        ours = network.read(network.image(pixels), text, words)
        assert torch.allclose(ours, out.last_hidden_state, atol=2e-4)
        assert torch.allclose(network.matched(ours), network.itm(out.pooler_output), atol=2e-4)


def test_the_word_head_scores_by_the_matrix_of_the_embeddings(published: Folder) -> None:
    network = opened(published("medvill"))
    tensors = load_file(published("medvill") / "model.safetensors")
    head, hidden = network.word_head, torch.randn(1, 4, 64, generator=torch.Generator().manual_seed(2))
    assert head is not None
    dense = hidden @ tensors["mlm.predictions.transform.dense.weight"].T + tensors["mlm.predictions.transform.dense.bias"]
    raised = torch.nn.functional.gelu(dense)
    normed = (raised - raised.mean(-1, keepdim=True)) / (raised.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    normed = normed * tensors["mlm.predictions.transform.LayerNorm.weight"] + tensors["mlm.predictions.transform.LayerNorm.bias"]
    expected = normed @ tensors["enc.txt_embeddings.word_embeddings.weight"].T + tensors["mlm.predictions.bias"]
    assert torch.allclose(head(hidden), expected, atol=1e-3)


def test_only_a_checkpoint_without_words_is_read_with_full_attention(published: Folder) -> None:
    assert opened(published("medvill")).pretrained
    assert not opened(published("medvill_retrieval")).pretrained


def test_pretraining_looks_both_ways_over_the_image_and_left_to_right_over_the_text() -> None:
    expected = """
        1 1 1 1 1
        1 1 1 1 1
        1 1 1 0 0
        1 1 1 1 0
        1 1 1 1 1
    """
    assert np.array_equal(pretraining_mask(2, 3)[0, 0].int().numpy(), np.array([line.split() for line in expected.split("\n")[1:-1]], int))


def test_full_attention_leaves_out_padding_alone() -> None:
    made = full_mask(2, torch.tensor([[True, True, False], [True, False, False]]))
    assert made.shape == (2, 1, 1, 5)
    assert made[:, 0, 0].int().tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]]


@given(total=st.integers(1, 600))
def test_the_grids_pixels_are_always_the_same_in_order_and_spread_over_all_of_it(total: int) -> None:
    places = grid_pixels(total)
    assert places.tolist() == sorted(set(places.tolist()))
    assert len(places) == min(180, total)
    assert places[0] >= 0
    assert places[-1] < total
    gaps = np.diff([*places.tolist(), total])
    assert gaps.max() - gaps.min() <= 1


def test_of_256_pixels_180_are_taken() -> None:
    assert grid_pixels(256).tolist() == [number * 256 // 180 for number in range(180)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tensors: tensors.pop("itm.linear.bias"), "missing"),
        (lambda tensors: tensors.pop("enc.img_encoder.model.7.0.conv2.weight"), "ResNet"),
        (lambda tensors: tensors.pop("enc.encoder.layer.2.output.dense.bias"), "missing"),
        (lambda tensors: tensors.pop("mlm.predictions.bias"), "missing"),
        (lambda tensors: tensors.pop("enc.txt_embeddings.word_embeddings.weight"), "missing|left over"),
        (lambda tensors: tensors.update({"enc.img_encoder.model.8.weight": torch.zeros(4)}), "ResNet"),
        (lambda tensors: tensors.update({"cls.weight": torch.zeros(4)}), "left over"),
        (lambda tensors: tensors["enc.img_embeddings.LayerNorm.bias"].add_(1), "differ"),
        (lambda tensors: tensors["mlm.predictions.decoder.weight"].add_(1), "differ"),
        (lambda tensors: tensors.update({"itm.linear.weight": torch.zeros(3, 64), "itm.linear.bias": torch.zeros(3)}), "two classes"),
        (lambda tensors: tensors.update({"itm.linear.weight": torch.zeros(2, 96)}), "widths"),
        (lambda tensors: tensors.update({"enc.img_embeddings.img_embeddings.weight": torch.zeros(64, 44)}), "features"),
        (
            lambda tensors: tensors.update(
                {f"enc.{side}_embeddings.position_embeddings.weight": torch.zeros(128, 64) for side in ("txt", "img")}
            ),
            "256 places",
        ),
    ],
    ids=[
        "no bias",
        "a convolution less",
        "a layer less",
        "half a word head",
        "no words",
        "a classifier",
        "another head",
        "another norm for images",
        "another matrix for words",
        "three classes",
        "another width",
        "another ResNet",
        "too few places",
    ],
)
def test_a_checkpoint_that_is_not_whole_is_refused(change: Callable[[Tensors], object], says: str, changed: Folder) -> None:
    with pytest.raises(CheckpointRefused, match=says):
        opened(changed("medvill", change))
