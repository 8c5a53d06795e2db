"""The loop learns, repeats itself, and goes on after a kill."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tools.med_vlm.compact.examples.store import Store
from tools.med_vlm.compact.network import Shape
from tools.med_vlm.compact.training.loop import Epoch, Plan, Trainer, batch_of, best_epoch
from tools.med_vlm.errors import TrainingDataRefused

TINY = Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24)
PLAN = Plan(sizes=(64,) * 4, batch=8, average=0.9, seed=5, fast=False)


@pytest.fixture(scope="module")
def texts(small_store: Store) -> NDArray[np.float32]:
    """Unit vectors that differ with the meaning, as report vectors do."""
    drawn = np.random.default_rng(0).standard_normal((int(small_store.meanings.max()) + 1, 384)).astype(np.float32)
    return np.asarray((drawn / np.linalg.norm(drawn, axis=1, keepdims=True))[small_store.meanings])


def _trained(folder: Path, store: Store, texts: NDArray[np.float32], plan: Plan = PLAN) -> Trainer:
    trainer = Trainer(TINY, plan, folder)
    trainer.run(store, texts, store)
    return trainer


def test_the_loss_falls_on_two_dozen_phantoms(tmp_path: Path, small_store: Store, texts: NDArray[np.float32]) -> None:
    epochs = _trained(tmp_path, small_store, texts).epochs
    assert len(epochs) == 4
    assert epochs[-1].loss < 0.92 * epochs[0].loss
    assert epochs[-1].parts["cells"] < epochs[0].parts["cells"]


def test_a_run_killed_after_any_epoch_ends_with_the_same_weights(tmp_path: Path, small_store: Store, texts: NDArray[np.float32]) -> None:
    whole = _trained(tmp_path / "whole", small_store, texts)

    def die(epoch: Epoch) -> None:
        if epoch.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trainer(TINY, PLAN, tmp_path / "killed").run(small_store, texts, small_store, die)
    resumed = _trained(tmp_path / "killed", small_store, texts)
    assert [epoch.loss for epoch in resumed.epochs] == [epoch.loss for epoch in whole.epochs]
    for one, other in zip(resumed.best().parameters(), whole.best().parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("scores", "best"), [((0.5, 0.9, 0.7), 1), ((0.5, 1.0, 0.9, 1.0), 3), ((0.0,), 0)])
def test_of_epochs_that_score_alike_the_last_is_the_best(scores: tuple[float, ...], best: int) -> None:
    """As many do whose score has reached 1: the weights that are kept are of the one the card names."""
    assert best_epoch([Epoch(number, 0.0, {}, score, (), 0.0) for number, score in enumerate(scores)]).number == best


def test_the_weights_that_are_kept_are_those_of_the_best_epoch(tmp_path: Path, small_store: Store, texts: NDArray[np.float32]) -> None:
    kept: dict[int, torch.Tensor] = {}
    trainer = Trainer(TINY, PLAN, tmp_path)
    trainer.run(small_store, texts, small_store, lambda epoch: kept.update({epoch.number: trainer.averaged.scale.clone()}))
    assert torch.equal(trainer.best().scale, kept[best_epoch(trainer.epochs).number])


def test_another_seed_trains_another_network(tmp_path: Path, small_store: Store, texts: NDArray[np.float32]) -> None:
    short = Plan(sizes=(64,), batch=8, average=0.9, seed=5, fast=False)
    other = Plan(sizes=(64,), batch=8, average=0.9, seed=6, fast=False)
    first, second = _trained(tmp_path / "a", small_store, texts, short), _trained(tmp_path / "b", small_store, texts, other)
    assert first.epochs[0].loss != second.epochs[0].loss


def test_refuses_to_go_on_with_another_plan(tmp_path: Path, small_store: Store, texts: NDArray[np.float32]) -> None:
    short = Plan(sizes=(64,), batch=8, average=0.9, seed=5, fast=False)
    _trained(tmp_path, small_store, texts, short)
    with pytest.raises(TrainingDataRefused, match="another plan"):
        Trainer(TINY, PLAN, tmp_path)


def test_refuses_fewer_examples_than_one_batch(tmp_path: Path, small_store: Store, texts: NDArray[np.float32]) -> None:
    with pytest.raises(TrainingDataRefused, match="fewer than one batch"):
        Trainer(TINY, Plan(sizes=(64,), batch=32), tmp_path).run(small_store, texts, small_store)


def test_nothing_of_a_training_is_pickled(tmp_path: Path, small_store: Store, texts: NDArray[np.float32]) -> None:
    _trained(tmp_path, small_store, texts, Plan(sizes=(64,), batch=8, fast=False))
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}


def test_a_batch_keeps_rows_together(small_store: Store, texts: NDArray[np.float32]) -> None:
    rows = np.array([3, 7])
    batch = batch_of(small_store, texts, rows, 64, None)
    assert np.allclose(batch.images[:, 0].numpy() * 255, small_store.images[rows])
    assert np.array_equal(batch.present.numpy(), small_store.present[rows])
    assert np.array_equal(batch.texts.numpy(), texts[rows])


@pytest.mark.gpu
def test_a_run_begun_on_a_gpu_learns_there_and_goes_on_here(tmp_path: Path, small_store: Store, texts: NDArray[np.float32]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU here")

    def leave(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    there = Trainer(TINY, PLAN, tmp_path, "cuda")
    with pytest.raises(KeyboardInterrupt):
        there.run(small_store, texts, small_store, leave)
    assert there.epochs[-1].loss < there.epochs[0].loss
    here = _trained(tmp_path, small_store, texts)
    assert [epoch.loss for epoch in here.epochs[:3]] == [epoch.loss for epoch in there.epochs]
    assert next(here.best().parameters()).device == torch.device("cpu")
