"""The whole recipe on a handful of phantoms: it must end in a folder that loads and a card that is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tools.med_vlm.compact.card import Card
from tools.med_vlm.compact.evaluation_sets import LabelledImage
from tools.med_vlm.compact.example import TrainingExample
from tools.med_vlm.compact.files import WEIGHTS, entry, verify
from tools.med_vlm.compact.network import Shape
from tools.med_vlm.compact.reader import load_compact
from tools.med_vlm.compact.recipe import Recipe, make, prepare_corpus, train, write_model
from tools.med_vlm.compact.training import Plan
from tools.med_vlm.errors import TrainingDataRefused

Source = Callable[[Sequence[int]], Iterator[TrainingExample]]

RECIPE = Recipe(
    train=range(24),
    held_out=range(100, 108),
    calibration=range(200, 216),
    test=range(300, 316),
    shape=Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24),
    plan=Plan(sizes=(64, 64), batch=8, average=0.9, seed=1, fast=False),
    data="a few phantoms",
    command="sidenote model train compact --quick --seed 1",
)


def _others() -> Iterator[LabelledImage]:
    random = np.random.default_rng(0)
    for number in range(12):
        yield LabelledImage("drawn", random.random((70, 70), dtype=np.float32), frozenset(["Effusion"] if number % 2 else []), "DX")
    yield LabelledImage("drawn", random.random((20, 20), dtype=np.float32), frozenset(), "CT")


@pytest.fixture(scope="module")
def made(phantom_source: Source, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Card, Path]:
    work = tmp_path_factory.mktemp("work")
    out = work / "out"
    return out, make(RECIPE, phantom_source, work, out, others=_others(), say=lambda _: None), work


def test_the_folder_is_a_whole_model_that_reads(made: tuple[Path, Card, Path]) -> None:
    out, card, _ = made
    assert verify(out) == card
    reading = load_compact(out).read(np.random.default_rng(3).random((80, 80), dtype=np.float32))
    assert reading.model == f"{card.name} {card.version}"


def test_the_card_counts_what_was_used(made: tuple[Path, Card, Path]) -> None:
    _, card, _ = made
    assert (card.training.train, card.training.held_out, card.training.calibration, card.training.test) == (24, 8, 16, 16)
    assert card.training.epochs == 2
    assert len(card.findings) == 10


def test_images_from_elsewhere_are_measured_and_their_refusals_counted(made: tuple[Path, Card, Path]) -> None:
    _, card, _ = made
    (effusion,) = card.external
    assert (effusion.finding, effusion.labelled, effusion.auroc.total, effusion.auroc.positives) == ("pleural_effusion", "Effusion", 12, 6)
    refused = {one.images: (one.refused, one.total) for one in card.refusals}
    assert refused["drawn (CT)"] == (1, 1)
    assert refused["drawn"][1] == 12


def test_the_same_seed_gives_the_same_weights_in_another_folder(
    made: tuple[Path, Card, Path], phantom_source: Source, tmp_path: Path
) -> None:
    corpus = prepare_corpus(RECIPE, phantom_source, tmp_path, lambda _: None)
    net, _ = train(RECIPE, corpus, tmp_path, lambda _: None)
    write_model(RECIPE, corpus, net, tmp_path)
    assert entry(tmp_path / WEIGHTS) == made[1].files[WEIGHTS]


def test_another_recipe_is_refused_in_the_same_working_folder(
    made: tuple[Path, Card, Path], phantom_source: Source, tmp_path: Path
) -> None:
    with pytest.raises(TrainingDataRefused):
        make(replace(RECIPE, train=range(1, 25)), phantom_source, made[2], tmp_path, others=(), say=lambda _: None)
    assert not list(tmp_path.iterdir())
