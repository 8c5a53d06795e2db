"""VisualBERT sees here what it sees when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tools.med_vlm.adapting.mlm.visualbert import FusedVisualBert
from tools.med_vlm.errors import CheckpointRefused, TrainingBaseRefused

Checkpoint = Callable[[str], Path]
IMAGE = np.random.default_rng(2).random((60, 50)).astype(np.float32)
REPORTS = ("No pleural effusion.", "The heart is enlarged. A moderate pleural effusion on the left.")


@pytest.fixture
def model(checkpoint: Checkpoint) -> FusedVisualBert:
    made = FusedVisualBert(str(checkpoint("visualbert_pretraining")), str(checkpoint("vit")), "cpu")
    made.module.eval()
    return made


def test_padding_changes_nothing(model: FusedVisualBert) -> None:
    rows = np.stack([model.picture(IMAGE)] * 2)
    both, short = model.tokens(REPORTS), model.tokens(REPORTS[:1])
    with torch.no_grad():
        words, match = model.read(rows, both)
        alone, matched = model.read(rows[:1], short)
    assert words.shape == (2, both.shape[1], model.vocabulary.size)
    assert torch.allclose(words[:1, : short.shape[1]], alone, atol=1e-5)
    assert torch.allclose(match[:1], matched, atol=1e-5)


def test_the_image_is_seen(model: FusedVisualBert) -> None:
    tokens = model.tokens(REPORTS[:1])
    with torch.no_grad():
        one, other = (model.read(model.picture(image)[None], tokens)[0] for image in (IMAGE, 1 - IMAGE))
    assert float((one - other).abs().max()) > 1e-4


def test_what_is_saved_gives_the_same_scores(model: FusedVisualBert, checkpoint: Checkpoint, tmp_path: Path) -> None:
    model.save(tmp_path / "saved")
    again = FusedVisualBert(str(tmp_path / "saved"), str(checkpoint("vit")), "cpu")
    again.module.eval()
    rows, tokens = model.picture(IMAGE)[None], model.tokens(REPORTS[:1])
    assert torch.equal(again.tokens(REPORTS), model.tokens(REPORTS))
    with torch.no_grad():
        for one, other in zip(model.read(rows, tokens), again.read(rows, tokens), strict=True):
            assert torch.equal(one, other)


def test_without_an_image_tower_it_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(TrainingBaseRefused, match="image tower"):
        FusedVisualBert(str(checkpoint("visualbert_pretraining")), None, "cpu")


def test_a_head_that_answers_questions_guesses_no_words(checkpoint: Checkpoint) -> None:
    with pytest.raises(TrainingBaseRefused, match="pre-training"):
        FusedVisualBert(str(checkpoint("visualbert_answers")), str(checkpoint("vit")), "cpu")


def test_an_image_tower_of_another_width_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(CheckpointRefused, match="wide"):
        FusedVisualBert(str(checkpoint("visualbert_pretraining")), str(checkpoint("resnet")), "cpu")
