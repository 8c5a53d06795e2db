"""The training loop: seeded, resumable after a kill at any moment, best checkpoint kept, weights averaged over time."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch.nn import functional

from tools.med_vlm.compact.examples.store import Store
from tools.med_vlm.compact.measuring.measure import auroc
from tools.med_vlm.compact.network import CompactNet, Output, Shape
from tools.med_vlm.compact.training.augment import augment
from tools.med_vlm.compact.training.losses import Batch, total_loss
from tools.med_vlm.errors import TrainingDataRefused, TrainingDiverged

OUTPUTS: tuple[str, ...] = tuple(field.name for field in fields(Output))


BATCH, PEAK = 32, 1.5e-3
"""Of a CPU. A GPU is busier with larger batches; the peak then grows with their root, as is usual for AdamW."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. `sizes` gives the pixels of each epoch: small images first, since most is learnt from them faster."""

    sizes: tuple[int, ...]
    batch: int = BATCH
    peak: float = PEAK
    decay: float = 0.02
    average: float = 0.998
    seed: int = 20260101
    fast: bool = True
    """bfloat16 convolutions."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch gave."""

    number: int
    loss: float
    parts: dict[str, float]
    score: float
    """Mean of the findings' AUROC on the held-out examples."""
    aurocs: tuple[float, ...]
    seconds: float


def best_epoch(epochs: Sequence[Epoch]) -> Epoch:
    """The epoch whose weights `Trainer.best` gives: the last of those with the best score."""
    return max(epochs, key=lambda epoch: (epoch.score, epoch.number))


def batch_of(store: Store, texts: NDArray[np.float32], rows: NDArray[np.int64], size: int, generator: torch.Generator | None) -> Batch:
    """The examples `rows` at `size` pixels, augmented when a generator is given, on whose device they then are."""
    device = generator.device if generator else torch.device("cpu")

    def put(values: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values[rows]).to(device)

    images, masks = put(store.images).float()[:, None] / 255, put(store.masks).float() / 255
    if images.shape[-1] != size:
        images = functional.interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    if generator is not None:
        images, masks = augment(images, masks, generator)
    return Batch(
        images=images,
        masks=masks,
        present=put(store.present),
        sides=put(store.sides),
        masked=put(store.masked),
        views=put(store.views),
        texts=put(texts),
        meanings=put(store.meanings),
        known=put(store.known),
        domains=put(store.domains),
    )


@torch.no_grad()
def outputs_of(net: CompactNet, store: Store, batch: int = 32, fast: bool = False) -> Output:
    """The network's answers to a whole store, in order, at the store's size; made where the network is, given on the CPU."""
    net.eval()
    device = next(net.parameters()).device
    parts: list[Output] = []
    for start in range(0, len(store), batch):
        images = torch.from_numpy(store.images[start : start + batch].astype(np.float32) / 255)[:, None]
        with torch.autocast(device.type, torch.bfloat16, enabled=fast):
            parts.append(net(images.to(device)))
    return Output(**{name: torch.cat([getattr(part, name) for part in parts]).cpu() for name in OUTPUTS})


def _rate(plan: Plan, step: int, steps: int) -> float:
    """One warm-up over the first twentieth, then a cosine down to a hundredth of the peak."""
    warm = max(1, steps // 20)
    if step < warm:
        return plan.peak * (step + 1) / warm
    return plan.peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))))


class Trainer:
    """One training in one working folder, on one device. `run` keeps everything on disk; `best` loads what won, on the CPU."""

    def __init__(self, shape: Shape, plan: Plan, folder: Path, device: str = "cpu") -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.folder, self.device = plan, folder, device
        self.net = CompactNet(shape).to(device)
        self.averaged = copy.deepcopy(self.net).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=plan.peak, weight_decay=plan.decay)
        self.epochs: list[Epoch] = []
        self._steps = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def run(
        self, train: Store, train_texts: NDArray[np.float32], held_out: Store, report: Callable[[Epoch], None] = lambda epoch: None
    ) -> None:
        """Train the epochs that are still to do.

        Raises:
            TrainingDataRefused: fewer examples than one batch.
            TrainingDiverged: the loss is not a number.
        """
        if len(train) < self.plan.batch:
            raise TrainingDataRefused(f"{len(train)} examples are fewer than one batch of {self.plan.batch}")
        for number in range(len(self.epochs), len(self.plan.sizes)):
            started = time.monotonic()
            loss, parts = self._epoch(train, train_texts, number)
            answers = outputs_of(self.averaged, held_out, fast=self.plan.fast)
            aurocs = tuple(
                auroc(answers.logits[:, head].numpy(), held_out.present[:, head] == 1) for head in range(answers.logits.shape[1])
            )
            known = [value for value in aurocs if not math.isnan(value)]
            score = float(np.mean(known)) if known else 0.0
            self.epochs.append(Epoch(number, loss, parts, score, aurocs, time.monotonic() - started))
            self._save()
            report(self.epochs[-1])

    def best(self) -> CompactNet:
        """The averaged weights of `best_epoch`."""
        net = CompactNet(self.net.shape)
        net.load_state_dict(load_file(self.folder / "best.safetensors"))
        return net.eval()

    def _epoch(self, store: Store, texts: NDArray[np.float32], number: int) -> tuple[float, dict[str, float]]:
        generator = torch.Generator(self.device).manual_seed(self.plan.seed * 1000 + number)
        order = torch.randperm(len(store), generator=generator, device=self.device).cpu().numpy()
        per_epoch = len(store) // self.plan.batch
        sums: dict[str, float] = {}
        self.net.train()
        for index in range(per_epoch):
            rows = np.sort(order[index * self.plan.batch : (index + 1) * self.plan.batch])
            batch = batch_of(store, texts, rows, self.plan.sizes[number], generator)
            for name, value in self._step(batch, per_epoch * len(self.plan.sizes)).items():
                sums[name] = sums.get(name, 0.0) + value / per_epoch
        return sums.pop("total"), sums

    def _step(self, batch: Batch, steps: int) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = _rate(self.plan, self._steps, steps)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.plan.fast):
            output = self.net(batch.images)
        loss, parts = total_loss(output, batch, self.net.log_temperature)
        if not math.isfinite(float(loss.detach())):
            raise TrainingDiverged(f"the loss is not a number at step {self._steps}")
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimizer.step()
        self._steps += 1
        self._average()
        return {"total": float(loss.detach()), **parts}

    @torch.no_grad()
    def _average(self) -> None:
        share = 1 - min(self.plan.average, (1 + self._steps) / (10 + self._steps))
        for slow, quick in zip(self.averaged.parameters(), self.net.parameters(), strict=True):
            slow.lerp_(quick, share)

    def _save(self) -> None:
        """Write the state beside the last one, then name it: a kill between the two leaves the last one in force."""
        name = f"state-{len(self.epochs)}.safetensors"
        tensors = {f"net.{key}": value for key, value in self.net.state_dict().items()}
        tensors |= {f"averaged.{key}": value.clone() for key, value in self.averaged.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": torch.as_tensor(value) for key, value in state.items()}
        save_file({key: value.contiguous().clone() for key, value in tensors.items()}, self.folder / name)
        if best_epoch(self.epochs) is self.epochs[-1]:
            save_file({key: value.contiguous() for key, value in self.averaged.state_dict().items()}, self.folder / "best.safetensors")
        note = {"state": name, "steps": self._steps, "plan": _plain(self.plan), "epochs": [asdict(epoch) for epoch in self.epochs]}
        draft = self.folder / "progress.json.new"
        draft.write_text(json.dumps(note), encoding="utf-8")
        draft.replace(self.folder / "progress.json")
        for old in self.folder.glob("state-*.safetensors"):
            if old.name != name:
                old.unlink()

    def _resume(self) -> None:
        path = self.folder / "progress.json"
        if not path.exists():
            return
        note = json.loads(path.read_text(encoding="utf-8"))
        if note["plan"] != _plain(self.plan):
            raise TrainingDataRefused("the working folder holds a training by another plan; empty it")
        tensors = load_file(self.folder / note["state"])
        self.net.load_state_dict(_part(tensors, "net."))
        self.averaged.load_state_dict(_part(tensors, "averaged."))
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in _part(tensors, "optimizer.").items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})
        self._steps = note["steps"]
        self.epochs = [Epoch(**{**epoch, "aurocs": tuple(epoch["aurocs"])}) for epoch in note["epochs"]]


def _plain(plan: Plan) -> dict[str, object]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(plan).items()}


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
