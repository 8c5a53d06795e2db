"""The loop learns, repeats itself, and goes on after a kill at any step with the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.adapting.progress import Progress, silent
from tools.med_vlm.adapting.training.loop import Rows, Taught, Trained, modes, rate_at, rows_of, train
from tools.med_vlm.adapting.training.state import Identity, State
from tools.med_vlm.errors import TrainingDataRefused, TrainingDiverged

PLAN = Plan(epochs=2, batch=4, peak=0.05, held_out=0.2, seed=3, save_every=3, device="cpu")


class Lines:
    """Learns a line from noisy points, with chance of every kind: dropout, noise, order."""

    def __init__(self, count: int = 18, share: int | None = None, held_out: int = 6) -> None:
        torch.manual_seed(1)
        self.model: nn.Module = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 1))
        self.model[0].requires_grad_(requires_grad=False)  # type: ignore[index]  # a sequence
        self.examples, self.held_out, self.share = count, held_out, share
        self._x = torch.randn(count + held_out, 3)
        self._y = self._x.sum(1, keepdim=True)

    def teach(self, rows: Rows, random: torch.Generator) -> Taught:
        noise = torch.randn(len(rows), 3, generator=random) * 0.1
        return self._loss(rows, noise)

    def examine(self, rows: Rows, random: torch.Generator) -> Taught:
        return self._loss(rows + self.examples, torch.zeros(1))

    def _loss(self, rows: Rows, noise: torch.Tensor) -> Taught:
        said = self.model(self._x[rows] + noise)
        total = functional.mse_loss(said, self._y[rows], reduction="sum")
        return Taught(total, len(rows), {"squares": float(total.detach()) / len(rows)})


def run(folder: Path, lesson: Lines, plan: Plan = PLAN, tell: Callable[[Progress], None] = silent) -> Trained:
    folder.mkdir(exist_ok=True)
    return train(lesson, plan, State(folder, Identity("lines", plan.told(), "a", "b")), tell)


def bits(lesson: Lines) -> dict[str, bytes]:
    return {name: each.detach().numpy().tobytes() for name, each in lesson.model.state_dict().items()}


def test_a_run_killed_after_any_step_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = Lines()
    expected = run(tmp_path / "whole", whole)
    for step in (1, 3, 4, 5, 8):  # before the first state, at one, at an epoch's end, behind it, at the end

        def die(progress: Progress, at: int = step) -> None:
            if progress.done == at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / str(step), Lines(), tell=die)
        torch.rand(step)  # what others drew meanwhile is of no account
        resumed = Lines()
        assert run(tmp_path / str(step), resumed) == expected
        assert bits(resumed) == bits(whole)


def test_a_run_killed_while_it_writes_ends_with_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Lines()
    expected = run(tmp_path / "whole", whole)
    for write in range(5):
        with monkeypatch.context() as patched:
            patched.setattr("tools.med_vlm.adapting.training.state.replace_flushed", dies_at(write))
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path / f"{write}", Lines())
        resumed = Lines()
        assert run(tmp_path / f"{write}", resumed) == expected
        assert bits(resumed) == bits(whole)


def dies_at(write: int) -> Callable[[Path, bytes], None]:
    """Puts files in place until the call `write`: everything before it is on the disk, and nothing names it."""
    calls = iter(range(100))

    def put(path: Path, data: bytes) -> None:
        if next(calls) == write:
            raise KeyboardInterrupt
        path.write_bytes(data)

    return put


def test_the_loss_falls_and_the_best_weights_are_those_that_stay(tmp_path: Path) -> None:
    lesson = Lines()
    found = run(tmp_path / "run", lesson, Plan(epochs=8, batch=4, peak=0.1, held_out=0.2, seed=3))
    assert found.before is not None
    assert found.best is not None
    assert found.best.loss == min(one.loss for one in found.examined) < 0.5 * found.before.loss
    assert found.losses[-1] < found.losses[0]
    with torch.no_grad():
        left = lesson.examine(np.arange(6), torch.Generator())
    assert math.isclose(float(left.total) / left.weight, found.best.loss, rel_tol=1e-5)


def test_what_is_frozen_keeps_every_bit_batch_statistics_too(tmp_path: Path) -> None:
    lesson = Lines()
    before = bits(lesson)
    run(tmp_path / "run", lesson)
    after = bits(lesson)
    assert {name for name in before if before[name] != after[name]} == {"1.weight", "1.bias", "4.weight", "4.bias"}


def test_shares_of_a_step_add_up_to_the_step(tmp_path: Path) -> None:
    plan = Plan(epochs=1, batch=6, peak=0.05, held_out=0.2, seed=3)
    whole, shared = Lines(), Lines(share=2)
    for lesson in (whole, shared):
        lesson.model[2].p = 0.0  # type: ignore[index]  # chances are drawn once a share
        lesson.teach = lambda rows, random, own=lesson: own._loss(rows, torch.zeros(1))  # type: ignore[method-assign]
    first, second = run(tmp_path / "whole", whole, plan), run(tmp_path / "shared", shared, plan)
    assert math.isclose(first.losses[0], second.losses[0], rel_tol=1e-5)
    for one, other in zip(whole.model.parameters(), shared.model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_another_seed_learns_otherwise_and_the_same_seed_alike(tmp_path: Path) -> None:
    first, again, other = Lines(), Lines(), Lines()
    run(tmp_path / "a", first)
    run(tmp_path / "b", again)
    run(tmp_path / "c", other, Plan(epochs=2, batch=4, peak=0.05, held_out=0.2, seed=4, save_every=3))
    assert bits(first) == bits(again) != bits(other)


def test_the_chances_of_whoever_trains_are_left_as_they_were(tmp_path: Path) -> None:
    torch.manual_seed(9)
    expected = torch.rand(3)
    lesson = Lines()
    torch.manual_seed(9)
    run(tmp_path / "run", lesson)
    assert torch.equal(torch.rand(3), expected)


def test_without_held_out_examples_the_last_weights_stay(tmp_path: Path) -> None:
    found = run(tmp_path / "run", Lines(held_out=0))
    assert found.examined == ()
    assert found.before is None
    assert found.best_step == found.steps


def test_a_loss_that_is_no_number_stops_the_training_and_spoils_no_state(tmp_path: Path) -> None:
    lesson = Lines()
    good = lesson.teach
    calls = iter(range(100))
    lesson.teach = lambda rows, random: (  # type: ignore[method-assign]  # breaks at the sixth step
        Taught(good(rows, random).total * math.nan, 4) if next(calls) == 5 else good(rows, random)
    )
    with pytest.raises(TrainingDiverged, match="step 6"):
        run(tmp_path / "run", lesson)
    whole, resumed = Lines(), Lines()
    run(tmp_path / "whole", whole)
    run(tmp_path / "run", resumed)
    assert bits(resumed) == bits(whole)


def test_fewer_examples_than_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataRefused, match="3 examples are fewer"):
        run(tmp_path / "run", Lines(count=3))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 3))
def test_an_epoch_shows_no_example_twice(examples: int, batch: int, seed: int) -> None:
    if batch > examples:
        return
    steps = examples // batch
    shown = np.concatenate([rows_of(examples, batch, seed, step) for step in range(steps)])
    assert len(set(shown.tolist())) == len(shown) == steps * batch
    assert set(shown.tolist()) <= set(range(examples))


def test_every_epoch_has_an_order_of_its_own() -> None:
    assert not np.array_equal(rows_of(40, 8, 1, 0), rows_of(40, 8, 1, 5))


def test_the_rate_rises_to_its_peak_and_falls() -> None:
    plan = Plan(peak=0.1, warm_up=0.2)
    rates = [rate_at(step, 50, plan) for step in range(50)]
    assert max(rates) == pytest.approx(0.1)
    assert rates.index(max(rates)) == 9
    assert rates == sorted(rates[:10]) + sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.002


def test_dropout_works_where_something_moves_and_nowhere_else() -> None:
    still = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)).requires_grad_(requires_grad=False)
    moving = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.BatchNorm1d(2))
    model = nn.ModuleList([still, moving])
    modes(model, training=True)
    assert [module.training for module in (still, still[1], moving, moving[1], moving[2])] == [False, False, True, True, False]
    modes(model, training=False)
    assert not any(module.training for module in model.modules())
