"""The whole recipe on a handful of phantoms: it must end in a folder that loads and a card that is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tools.med_vlm.asked import asked_of
from tools.med_vlm.compact.card import Card
from tools.med_vlm.compact.examples.evaluation_sets import LabelledImage, external
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.examples.radiographs import CHESTXRAY14, in_split, read_index
from tools.med_vlm.compact.files import CALIBRATION, WEIGHTS, entry, load_calibration, verify
from tools.med_vlm.compact.heads import KEYS
from tools.med_vlm.compact.making.recipe import Recipe, make, prepare_corpus, train, write_model
from tools.med_vlm.compact.network import Shape
from tools.med_vlm.compact.reader import load_compact
from tools.med_vlm.compact.training.loop import Plan, Trainer
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
        yield LabelledImage(
            "nih-drawn", random.random((70, 70), dtype=np.float32), frozenset(["Effusion"] if number % 2 else []), "DX", str(number)
        )
    yield LabelledImage("drawn", random.random((20, 20), dtype=np.float32), frozenset(), "CT")


@pytest.fixture(scope="module")
def made(phantom_source: Source, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Card, Path]:
    work = tmp_path_factory.mktemp("work")
    out = work / "out"
    return out, make(RECIPE, phantom_source, work, out, others=_others(), say=lambda _: None), work


def test_the_folder_is_a_whole_model_that_reads(made: tuple[Path, Card, Path]) -> None:
    out, card, _ = made
    assert verify(out) == card
    reading = load_compact(out).read(asked_of(np.random.default_rng(3).random((80, 80), dtype=np.float32)))
    assert reading.model == f"{card.name} {card.version}"


def test_the_card_counts_what_was_used(made: tuple[Path, Card, Path]) -> None:
    _, card, _ = made
    assert (card.training.train, card.training.held_out, card.training.calibration, card.training.test) == (24, 8, 16, 16)
    assert card.training.epochs == 2
    assert len(card.findings) == 10
    assert card.drafting is not None
    assert card.drafting.bank > 0
    assert all(sum(count for _, _, count in one.reliability) == 16 for one in card.findings)


def test_refusals_of_held_out_phantoms_are_told_by_how_many_findings_they_have(made: tuple[Path, Card, Path]) -> None:
    whole, *parts = (one for one in made[1].refusals if one.images.startswith("held-out phantoms"))
    allowed = ("no finding", "one finding", "two findings or more")
    assert all(one.images.removeprefix(f"{whole.images}, ") in allowed for one in parts)
    assert len(parts) > 1
    assert (sum(one.refused for one in parts), sum(one.total for one in parts)) == (whole.refused, whole.total)


def test_images_from_elsewhere_are_measured_and_their_refusals_counted(made: tuple[Path, Card, Path]) -> None:
    _, card, _ = made
    effusion = next(one for one in card.external if one.finding == "pleural_effusion")
    assert effusion.patients == 12
    assert (effusion.finding, effusion.labelled, effusion.auroc.total, effusion.auroc.positives) == ("pleural_effusion", "Effusion", 12, 6)
    refused = {one.images: (one.refused, one.total) for one in card.refusals}
    assert refused["drawn (CT)"] == (1, 1)
    assert refused["nih-drawn"][1] == 12


@pytest.fixture(scope="module")
def index(phantom_source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty drawn images of thirty-two patients, labelled as ChestX-ray14 labels; one row is a CT."""
    folder = tmp_path_factory.mktemp("index")
    (folder / "nih-drawn").mkdir()
    rows = []
    for one in phantom_source(range(400, 440)):
        name = f"nih-drawn/{one.number}.png"
        Image.fromarray((one.image * 255).round().astype(np.uint8)).save(folder / name)
        labels = [label for label, key in CHESTXRAY14.items() if key in one.labels] or ["No Finding"]
        row = {"path": name, "modality": "CT" if one.number == 439 else "DX", "view": "AP", "labels": labels, "license": "CC0-1.0"}
        rows.append(json.dumps(row | {"patient_id": str(one.number % 32)}))
    (folder / "index.jsonl").write_text("\n".join(rows))
    return folder / "index.jsonl"


@pytest.fixture(scope="module")
def mixed(index: Path, phantom_source: Source, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path, Card]:
    """A model of phantoms and of the radiographs of an index."""
    recipe = replace(RECIPE, shape=replace(RECIPE.shape, domain=True), radiographs=read_index(index), repeats=2)
    work = tmp_path_factory.mktemp("mixed")
    return recipe, work, make(recipe, phantom_source, work, work / "out", others=external(index), say=lambda _: None)


def test_radiographs_train_beside_phantoms_and_none_of_a_patient_held_out(mixed: tuple[Recipe, Path, Card], phantom_source: Source) -> None:
    recipe, work, card = mixed
    corpus = prepare_corpus(recipe, phantom_source, work, lambda _: None)
    train, test = in_split(recipe.radiographs, "train"), in_split(recipe.radiographs, "test")
    assert len(corpus.stores["learnt"]) == 24 + 2 * len(train)
    assert corpus.stores["learnt"].domains.sum() == 2 * len(train)
    assert corpus.stores["learnt"].known[24:, KEYS.index("pacemaker")].sum() == 0
    assert card.training.radiographs["train"] == len(train)
    assert card.training.patients["test"] == len({one.patient for one in test})
    refused = {one.images: one.total for one in card.refusals}
    assert refused["nih-drawn"] == len(test)
    assert not {one.patient for one in train} & {one.patient for one in test}


def test_radiographs_a_tiny_model_cannot_read_are_not_admitted(mixed: tuple[Recipe, Path, Card]) -> None:
    _, work, card = mixed
    (admission,) = card.admissions
    assert not admission.admitted
    assert load_calibration(work / "out").radiographs is None


def test_the_model_with_radiographs_is_whole_small_and_the_same_again(
    mixed: tuple[Recipe, Path, Card], phantom_source: Source, tmp_path: Path
) -> None:
    recipe, work, card = mixed
    assert verify(work / "out") == card
    corpus = prepare_corpus(recipe, phantom_source, tmp_path, lambda _: None)
    write_model(recipe, corpus, train(recipe, corpus, tmp_path, lambda _: None)[0], tmp_path)
    assert {name: entry(tmp_path / name) for name in (WEIGHTS, CALIBRATION)} == card.files


def test_an_unknown_finding_changes_no_weight(mixed: tuple[Recipe, Path, Card], phantom_source: Source, tmp_path: Path) -> None:
    """Another presence where nothing was stated, and the same network comes out."""
    recipe, work, _ = mixed
    short = replace(recipe.plan, sizes=(64,))
    corpus = prepare_corpus(recipe, phantom_source, work, lambda _: None)
    learnt = corpus.stores["learnt"]
    turned = replace(learnt, present=np.where(learnt.known == 1, learnt.present, 1).astype(np.uint8))
    nets = []
    for name, store in (("a", learnt), ("b", turned)):
        trainer = Trainer(recipe.shape, short, tmp_path / name)
        trainer.run(store, corpus.texts["learnt"], corpus.stores["held_out"])
        nets.append(trainer.best())
    for one, other in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_another_recipe_is_refused_in_the_same_working_folder(
    made: tuple[Path, Card, Path], phantom_source: Source, tmp_path: Path
) -> None:
    with pytest.raises(TrainingDataRefused):
        make(replace(RECIPE, train=range(1, 25)), phantom_source, made[2], tmp_path, others=(), say=lambda _: None)
    assert not list(tmp_path.iterdir())
