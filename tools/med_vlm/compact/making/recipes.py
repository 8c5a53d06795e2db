"""The recipes of `sidenote model train compact`: the one of the model that ships, and a try-out."""

from __future__ import annotations

import math
from pathlib import Path

from tools.med_vlm.compact.examples.radiographs import read_index
from tools.med_vlm.compact.making.recipe import Recipe
from tools.med_vlm.compact.network import Shape
from tools.med_vlm.compact.training.loop import BATCH, PEAK, Plan

HELD_OUT, CALIBRATION, TEST = 1_000_000, 2_000_000, 3_000_000
"""First phantom numbers of the sets; training counts from zero, so no set meets another."""

MEASURED = 2000
"""Phantoms that calibrate, and as many that test. Of 700 some findings had 42 carriers, and which 700 were drawn moved the
share that the gate refuses by as much as .8 % on either side: set for 5 %, it refused 8.1 % of an unlucky test set."""

STEPS: tuple[tuple[int, float], ...] = ((128, 0.3), (176, 0.3), (224, 0.4))
"""Pixels and their share of the epochs: most is learnt from small images, and faster."""

SMALL_STEPS: tuple[tuple[int, float], ...] = ((64, 1.0),)


def sizes(epochs: int, steps: tuple[tuple[int, float], ...] = STEPS) -> tuple[int, ...]:
    """The pixels of each of `epochs` epochs; what rounding leaves over goes to the largest."""
    first = tuple(size for size, share in steps[:-1] for _ in range(int(epochs * share)))
    return first + (steps[-1][0],) * (epochs - len(first))


def full_recipe(count: int, epochs: int, seed: int, radiographs: Path | None, *, batch: int = BATCH, device: str = "cpu") -> Recipe:
    """The recipe of the model that ships: `count` drawn phantoms, and the radiographs of an index where one is given.

    Raises:
        TrainingDataRefused: the index holds what may not or cannot train.
    """
    images = read_index(radiographs) if radiographs else ()
    added = "; radiographs of the index named by --radiographs, six in ten patients, each three times an epoch" if images else ""
    return Recipe(
        train=range(count),
        held_out=range(HELD_OUT, HELD_OUT + 300),
        calibration=range(CALIBRATION, CALIBRATION + MEASURED),
        test=range(TEST, TEST + MEASURED),
        shape=Shape(size=STEPS[-1][0], domain=bool(images)),
        plan=Plan(sizes=sizes(epochs), batch=batch, peak=PEAK * math.sqrt(batch / BATCH), seed=seed),
        data=f"drawn frontal chest phantoms of this project, corpus seed 0, numbers 0 to {count - 1}{added}",
        command=_command(count, epochs, seed, batch, device) + _named(radiographs),
        radiographs=images,
        repeats=3,
        device=device,
    )


def quick_recipe(seed: int, radiographs: Path | None, *, device: str = "cpu") -> Recipe:
    """A recipe that runs through everything on a few small phantoms.

    Raises:
        TrainingDataRefused: the index holds what may not or cannot train.
    """
    images = read_index(radiographs) if radiographs else ()
    return Recipe(
        train=range(24),
        held_out=range(HELD_OUT, HELD_OUT + 12),
        calibration=range(CALIBRATION, CALIBRATION + 24),
        test=range(TEST, TEST + 24),
        shape=Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24, domain=bool(images)),
        plan=Plan(sizes=sizes(3, SMALL_STEPS), batch=8, average=0.9, seed=seed, fast=False),
        data="24 drawn frontal chest phantoms of this project; a try-out",
        command=f"sidenote model train compact --quick --seed {seed} --device {device}{_named(radiographs)}",
        radiographs=images,
        repeats=1,
        device=device,
    )


def _command(count: int, epochs: int, seed: int, batch: int, device: str) -> str:
    return f"sidenote model train compact --count {count} --epochs {epochs} --batch {batch} --seed {seed} --device {device}"


def _named(index: Path | None) -> str:
    return " --radiographs INDEX" if index else ""
