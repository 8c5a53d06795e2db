"""MedViLL as a matcher: its probability by hand, and its preprocessing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.questions import question
from tools.med_vlm.backends.matchers.checkpoint import stock
from tools.med_vlm.backends.matchers.medvill import LONGEST, open_medvill, prepared
from tools.med_vlm.backends.matchers.medvill_network import load_medvill
from tools.med_vlm.backends.matchers.words import read_words
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.spec import ModelSpec

Spec = Callable[..., ModelSpec]
Folder = Callable[..., Path]


@pytest.mark.parametrize(("kind", "filled"), [("medvill", LONGEST + 1), ("medvill_retrieval", 0)])
def test_a_captions_share_is_that_of_its_probability_to_belong_to_the_image(
    kind: str, filled: int, published: Folder, spec_of: Spec, image: Image
) -> None:
    folder = ModelFolder(published(kind))
    network, words = load_medvill(stock(folder)).eval(), read_words((folder,))
    asked = question("cardiomegaly")
    belongs = []
    with torch.inference_mode():
        for caption in asked.captions:
            pieces = [*words.pieces(caption), words.sep]
            text = torch.tensor([pieces + [words.pad] * (filled - len(pieces))])
            scores = network.matched(network.read(network.image(prepared(image)[None]), text, words))[0]
            belongs.append(math.exp(scores[1]) / (math.exp(scores[0]) + math.exp(scores[1])))
    (answered,) = open_medvill(spec_of(kind)).choose(Asked((image,)), [asked])
    assert answered.probabilities["yes"] == pytest.approx(belongs[0] / sum(belongs), abs=1e-4)


def test_an_image_is_brought_to_a_square_and_normed_by_colour() -> None:
    made = prepared(Image(np.full((90, 31), 0.4, dtype=np.float32)))
    assert made.shape == (3, 512, 512)
    expected = [(0.4 - mean) / deviation for mean, deviation in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))]
    assert np.allclose(made.mean(dim=(1, 2)).numpy(), expected, atol=1e-4)


def test_a_caption_that_is_too_long_is_cut_and_still_scored(spec_of: Spec, image: Image) -> None:
    asked = question("nodule")
    long = type(asked)(asked.name, asked.text, asked.answers, ("nodule " * 400, "no nodule"))
    (answered,) = open_medvill(spec_of("medvill")).choose(Asked((image,)), [long])
    assert 0 < answered.probabilities["yes"] < 1


def test_word_pieces_of_another_model_are_refused(changed: Folder, spec_of: Spec) -> None:
    folder = changed("medvill")
    pieces = json.loads((folder / "tokenizer.json").read_text())
    pieces["model"]["vocab"]["unheard"] = len(pieces["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(pieces))
    with pytest.raises(CheckpointRefused, match="another model"):
        open_medvill(spec_of("medvill", folder))
