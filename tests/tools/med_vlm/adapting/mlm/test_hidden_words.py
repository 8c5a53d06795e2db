"""VisualBERT and MedViLL guess hidden words better after training, and only what may move moves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tools.med_vlm.adapting.examples.corpus import Corpus, Pair
from tools.med_vlm.adapting.examples.pictures import Shown
from tools.med_vlm.adapting.mlm.hidden_words import HiddenWords, MlmPlan, learn_words, words_of
from tools.med_vlm.adapting.progress import Progress

Checkpoint = Callable[[str], Path]
Killer = Callable[[int], Callable[[Progress], None]]
WEIGHTS = "model.safetensors"


def plan_of(checkpoint: Checkpoint, architecture: str, **changes: object) -> MlmPlan:
    kinds = {"visualbert": "visualbert_pretraining", "medvill": "medvill"}
    vision = str(checkpoint("vit")) if architecture == "visualbert" else None
    told = MlmPlan(base=str(checkpoint(kinds[architecture])), architecture=architecture, vision=vision, device="cpu", seed=5)  # type: ignore[arg-type]
    return dataclasses.replace(told, **{"batch": 4, "peak": 2e-3, "held_out": 0.25, "epochs": 1, **changes})  # type: ignore[arg-type]


def test_visualbert_learns_the_words_of_an_archive(checkpoint: Checkpoint, archive: Path, tmp_path: Path) -> None:
    made = learn_words(plan_of(checkpoint, "visualbert", epochs=2), archive, tmp_path / "run")
    assert made.losses[-1] < 0.95 * made.losses[0]
    assert made.after["words"] < 0.95 * made.before["words"]
    assert set(made.files) == {"config.json", WEIGHTS, "tokenizer.json"}


def test_medvill_learns_and_its_image_tower_stays(
    checkpoint: Checkpoint, small_archive: Path, tmp_path: Path, moved: Callable[[Path, Path], set[str]], copied_without_numbers: Path
) -> None:
    made = learn_words(plan_of(checkpoint, "medvill", epochs=2, held_out=0.0), small_archive, tmp_path / "run")
    assert made.losses[-1] < made.losses[0]
    names = moved(copied_without_numbers, tmp_path / "run" / "model" / WEIGHTS)
    assert not [name for name in names if name.startswith("enc.img_encoder.")]
    unmoved = set(load_file(copied_without_numbers)) - names
    assert not [name for name in unmoved if not name.startswith("enc.img_encoder.") and not name.endswith("key.bias")]


@pytest.fixture
def copied_without_numbers(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """MedViLL's published tensors but its numbered positions, which no model needs."""
    from safetensors.torch import save_file

    tensors = load_file(checkpoint("medvill") / WEIGHTS)
    save_file({name: tensor for name, tensor in tensors.items() if not name.endswith("position_ids")}, tmp_path / "published.safetensors")
    return tmp_path / "published.safetensors"


def test_a_killed_training_ends_with_the_same_bytes(checkpoint: Checkpoint, small_archive: Path, tmp_path: Path, killer: Killer) -> None:
    plan = plan_of(checkpoint, "visualbert", epochs=2, save_every=2)
    whole = learn_words(plan, small_archive, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        learn_words(plan, small_archive, tmp_path / "killed", killer(5))
    assert learn_words(plan, small_archive, tmp_path / "killed") == whole


class Watched:
    """A `Fused` that notes the texts it is shown and says nothing."""

    def __init__(self) -> None:
        from tools.med_vlm.adapting.mlm.masking import Vocabulary

        self.module = torch.nn.Linear(1, 2)
        self.vocabulary = Vocabulary(30, 4, {0, 4})
        self.texts: list[str] = []

    def tokens(self, reports: list[str]) -> torch.Tensor:
        self.texts = list(reports)
        return torch.full((len(reports), 400), 9)

    def read(self, rows: np.ndarray, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[type-arg]
        weight = self.module.weight.sum() * 0
        sure = torch.zeros(len(tokens), tokens.shape[1], 30)
        sure[..., 9] = 50
        return sure + weight, torch.tensor([[0.0, 9.0]]).expand(len(tokens), 2) + weight


@pytest.mark.parametrize("matching", [True, False])
def test_half_the_images_get_a_report_that_means_something_else(
    matching: bool, pair_of: Callable[..., Pair], corpus_of: Callable[..., Corpus]
) -> None:
    reports = ("Left pleural effusion.", "Cardiomegaly.")
    pairs = [pair_of(number, reports[number % 2]) for number in range(400)]
    seen = Shown(corpus_of(pairs), {"train": np.zeros((400, 1)), "held_out": np.zeros((0, 1)), "calibration": np.zeros((0, 1))})
    fused = Watched()
    lesson = HiddenWords(fused, seen, matching=matching)  # type: ignore[arg-type]  # what it lacks is not asked for
    taught = lesson.teach(np.arange(400), torch.Generator().manual_seed(1))
    strange = sum(text != words_of(pair) for text, pair in zip(fused.texts, pairs, strict=True)) / 400
    assert strange == pytest.approx(0.25 if matching else 0.0, abs=0.06)  # half are exchanged, half of those for an equal one
    assert taught.parts["words_right"] == 1.0  # words of exchanged reports are not asked
    assert ("matching" in taught.parts) is matching
    if matching:  # it always says that they belong together
        assert taught.parts["matching"] == pytest.approx(9 * strange, rel=1e-2)


def test_what_was_not_seen_is_no_word_to_guess(pair_of: Callable[..., Pair]) -> None:
    assert words_of(pair_of(0, "INDICATION: cough\nFINDINGS: The heart is enlarged.")) == "The heart is enlarged."
