"""The training loop of every strategy: seeded step by step, resumable after a kill at any moment, best weights kept.

Not `transformers.Trainer`: that keeps optimizer, schedule and random states by pickle, and resumes in the midst of an epoch by
drawing again what was drawn. Here a step's examples and chances follow from the seed and the step's number alone, so there is no
random state to keep, and a training that was killed ends with the weights of one that was not, bit for bit on the same machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.adapting.progress import Pace, Progress, Tell, silent
from tools.med_vlm.adapting.training.state import State
from tools.med_vlm.errors import TrainingDataRefused, TrainingDiverged

Rows = NDArray[np.int64]

QUICK = "logit_bias"
"""The bias of a sigmoid loss learns ten times as fast: at a matrix's rate it never leaves its start."""

_STEP, _EPOCH, _EXAM = 1, 2, 3
"""Which chance is drawn: of a step, of an epoch's order, of a measurement."""


@dataclass(frozen=True, slots=True)
class Taught:
    """What one share of a step's examples gave: a sum of losses and over how much it is a sum."""

    total: torch.Tensor
    weight: float
    """Examples or tokens; the step's loss is the sum of `total` by the sum of `weight`."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Mean losses by name, for the log."""


class Lesson(Protocol):
    """What a strategy teaches. Rows count its training examples from 0, or in `examine` those held out."""

    @property
    def model(self) -> nn.Module:
        """What moves is what requires a gradient; nothing else may."""
        ...

    @property
    def examples(self) -> int:
        """How many there are to train with."""
        ...

    @property
    def held_out(self) -> int:
        """How many there are to measure with."""
        ...

    @property
    def share(self) -> int | None:
        """How many examples go through the model at once; None where a loss is of all of a step's examples together."""
        ...

    def teach(self, rows: Rows, random: torch.Generator) -> Taught:
        """The loss of some training examples."""
        ...

    def examine(self, rows: Rows, random: torch.Generator) -> Taught:
        """The loss of some held-out examples; the model is in its evaluating mode."""
        ...


@dataclass(frozen=True, slots=True)
class Examined:
    """The held-out loss after some steps."""

    step: int
    loss: float
    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to. The lesson's model holds the best weights."""

    steps: int
    losses: tuple[float, ...]
    """Mean training loss of each epoch."""
    examined: tuple[Examined, ...]
    """Before the first step and after every epoch; empty where nobody is held out."""
    best_step: int

    @property
    def before(self) -> Examined | None:
        """The held-out loss of the base model."""
        return self.examined[0] if self.examined else None

    @property
    def best(self) -> Examined | None:
        """The lowest held-out loss: of the weights that were kept."""
        return next((one for one in self.examined if one.step == self.best_step), None)


def train(lesson: Lesson, plan: Plan, state: State, tell: Tell = silent) -> Trained:
    """Train to the end, from wherever `state` says.

    Raises:
        TrainingDataRefused: there are fewer examples than one batch.
        TrainingDiverged: the loss is not a number; the state on disk is the last that was.
        TrainingStateDamaged: the state cannot be read.
    """
    if lesson.examples < plan.batch:
        raise TrainingDataRefused(f"{lesson.examples} examples are fewer than one batch of {plan.batch}")
    with torch.random.fork_rng(devices=_devices(lesson.model)):
        return _Sitting(lesson, plan, state, tell).run()


class _Sitting:
    """The steps between one start of the program and its end."""

    def __init__(self, lesson: Lesson, plan: Plan, state: State, tell: Tell) -> None:
        self._lesson, self._plan, self._state, self._tell = lesson, plan, state, tell
        self._moving = {name: each for name, each in lesson.model.named_parameters() if each.requires_grad}
        self._optimizer = _optimizer(self._moving, plan)
        self._per_epoch = lesson.examples // plan.batch
        self._steps = self._per_epoch * plan.epochs
        self._step = 0
        self._sum = 0.0
        """Of the losses of the present epoch's steps."""
        self._losses: list[float] = []
        self._examined: list[Examined] = []
        self._best = 0
        self._resume()

    def run(self) -> Trained:
        pace = Pace(self._step, self._steps)
        if not self._step and not self._examined:
            self._examine()
            self._save()
        while self._step < self._steps:
            loss, parts = self._learn()
            ended = self._step % self._per_epoch == 0
            if ended:
                self._losses.append(self._sum / self._per_epoch)
                self._sum = 0.0
                self._examine()
            if ended or self._step % self._plan.save_every == 0:
                self._save()
            held_out = self._examined[-1].loss if ended and self._examined else None
            rate, left = pace.at(self._step, self._plan.batch)
            self._tell(Progress("training", self._step, self._steps, rate, left, loss, parts, held_out))
        self._put(self._state.tensors(self._state.note["files"]["best"]))
        self._lesson.model.eval()
        return Trained(self._steps, tuple(self._losses), tuple(self._examined), self._best)

    def _learn(self) -> tuple[float, Mapping[str, float]]:
        rows = rows_of(self._lesson.examples, self._plan.batch, self._plan.seed, self._step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate_at(self._step, self._steps, self._plan) * group["factor"]
        random = _chance(self._plan.seed, _STEP, self._step)
        modes(self._lesson.model, training=True)
        self._optimizer.zero_grad(set_to_none=True)
        taught = []
        for some in _shares(rows, self._lesson.share):
            with _quick(self._plan.fast, self._lesson.model):
                one = self._lesson.teach(some, random)
            if one.weight:
                torch.autograd.backward(one.total)
            taught.append(one)
        loss, parts = _mean(taught)
        if not math.isfinite(loss):
            raise TrainingDiverged(f"the loss is not a number at step {self._step + 1}")
        self._move(sum(one.weight for one in taught))
        self._step += 1
        self._sum += loss
        return loss, parts

    def _move(self, weight: float) -> None:
        """One step of the optimizer along the mean of what was summed."""
        for each in self._moving.values():
            if each.grad is not None and weight:
                each.grad.div_(weight)
        nn.utils.clip_grad_norm_(self._moving.values(), self._plan.clip)
        self._optimizer.step()

    @torch.no_grad()
    def _examine(self) -> None:
        if not self._lesson.held_out:
            self._best = self._step
            return
        modes(self._lesson.model, training=False)
        random = _chance(self._plan.seed, _EXAM, 0)
        rows = np.arange(self._lesson.held_out, dtype=np.int64)
        with _quick(self._plan.fast, self._lesson.model):
            loss, parts = _mean([self._lesson.examine(some, random) for some in _shares(rows, self._lesson.share or self._plan.batch)])
        self._examined.append(Examined(self._step, loss, dict(parts)))
        if loss <= min(one.loss for one in self._examined):
            self._best = self._step

    def _save(self) -> None:
        names = {"state": f"state-{self._step}.safetensors", "best": f"best-{self._best}.safetensors"}
        weights: dict[str, torch.Tensor] = {f"weights.{name}": each for name, each in self._moving.items()}
        files: dict[str, dict[str, torch.Tensor]] = {names["state"]: {**weights, **self._kept_by_optimizer()}}
        if self._best == self._step:
            files[names["best"]] = weights
        told = [{"step": one.step, "loss": one.loss, "parts": dict(one.parts)} for one in self._examined]
        note = {"step": self._step, "sum": self._sum, "losses": self._losses, "examined": told, "best": self._best, "files": names}
        self._state.keep(files, note)

    def _kept_by_optimizer(self) -> dict[str, torch.Tensor]:
        return {
            f"optimizer.{name}.{key}": torch.as_tensor(value)
            for name, each in self._moving.items()
            for key, value in self._optimizer.state.get(each, {}).items()
        }

    def _resume(self) -> None:
        note = self._state.note
        if "files" not in note:
            return
        tensors = self._state.tensors(note["files"]["state"])
        self._put(tensors)
        for name, each in self._moving.items():
            kept = _under(tensors, f"optimizer.{name}.")
            if kept:
                step = kept.pop("step")  # stays on the CPU, as AdamW keeps it
                self._optimizer.state[each] = {"step": step, **{key: value.to(each.device) for key, value in kept.items()}}
        self._step, self._sum, self._losses, self._best = note["step"], note["sum"], list(note["losses"]), note["best"]
        self._examined = [Examined(**one) for one in note["examined"]]

    @torch.no_grad()
    def _put(self, tensors: Mapping[str, torch.Tensor]) -> None:
        for name, each in self._moving.items():
            each.copy_(tensors[f"weights.{name}"])


def rows_of(examples: int, batch: int, seed: int, step: int) -> Rows:
    """The examples [batch] of a step: every epoch an order of its own, its last incomplete batch left out."""
    epoch, place = divmod(step, examples // batch)
    order = np.random.default_rng([seed, _EPOCH, epoch]).permutation(examples)
    return np.sort(order[place * batch : (place + 1) * batch])


def rate_at(step: int, steps: int, plan: Plan) -> float:
    """The learning rate of a step: up to the peak in a straight line, then down to a hundredth of it along a cosine."""
    warm = max(1, round(steps * plan.warm_up))
    if step < warm:
        return plan.peak * (step + 1) / warm
    return plan.peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))))


def modes(model: nn.Module, *, training: bool) -> None:
    """Put what moves into training mode and everything else into evaluating mode, batch norms always.

    A frozen tower drops nothing out, and a batch of sixteen radiographs is too few to say what a channel's mean is. What has no
    parameters, such as a dropout, goes with what it is in.
    """
    model.eval()
    if training:
        _train(model, within=False)


def _train(module: nn.Module, *, within: bool) -> None:
    own = list(module.parameters())
    moves = any(each.requires_grad for each in own) if own else within
    module.training = moves and not isinstance(module, nn.modules.batchnorm._BatchNorm)
    for child in module.children():
        _train(child, within=moves)


def _optimizer(moving: Mapping[str, nn.Parameter], plan: Plan) -> torch.optim.AdamW:
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, each in moving.items():
        decay = plan.decay if each.ndim > 1 else 0.0
        groups.setdefault((decay, 10.0 if name.endswith(QUICK) else 1.0), []).append(each)
    told = [{"params": some, "weight_decay": decay, "factor": factor} for (decay, factor), some in groups.items()]
    return torch.optim.AdamW(told, lr=plan.peak)


def _shares(rows: Rows, share: int | None) -> Iterator[Rows]:
    size = share or len(rows)
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _mean(taught: Sequence[Taught]) -> tuple[float, dict[str, float]]:
    weight = sum(one.weight for one in taught)
    if not weight:
        return 0.0, {}
    names = dict.fromkeys(name for one in taught for name in one.parts)
    parts = {name: sum(one.parts.get(name, 0.0) * one.weight for one in taught) / weight for name in names}
    return sum(float(one.total.detach()) for one in taught) / weight, parts


def _chance(seed: int, kind: int, number: int) -> torch.Generator:
    """The chances of one step; dropout draws from the global generator, which is seeded alike."""
    drawn = int(np.random.default_rng([seed, kind, number]).integers(2**62))
    torch.manual_seed(drawn)
    return torch.Generator().manual_seed(drawn)


def _devices(model: nn.Module) -> list[int]:
    found = {each.device.index or 0 for each in model.parameters() if each.device.type == "cuda"}
    return sorted(found)


@contextmanager
def _quick(fast: bool, model: nn.Module) -> Iterator[None]:
    device = next(model.parameters()).device.type
    with torch.autocast(device, torch.bfloat16, enabled=fast):
        yield


def _under(tensors: Mapping[str, Any], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
