"""`sidenote model`: the image models that can read for a review: what they are, whether they are whole, how to make them."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tools.med_vlm.compact.recipe import Recipe

MODELS = {"compact": "Reads one frontal chest image on a CPU; trained on drawn phantoms, a demonstrator for research use."}
"""Every model the product knows by name."""

NAME = click.argument("name", type=click.Choice(tuple(MODELS)), default="compact")
FOLDER = click.option(
    "--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A model folder; without it the one that ships."
)

HELD_OUT, CALIBRATION, TEST = 1_000_000, 2_000_000, 3_000_000
"""First phantom numbers of the sets; training counts from zero, so no set meets another."""


@click.group()
def model() -> None:
    """List, check, train and explain the image models."""


@model.command("list")
def list_models() -> None:
    """Name the models and say in one line what each is."""
    for name, text in MODELS.items():
        click.echo(f"{name}  {text}")


@model.command()
@NAME
@FOLDER
def info(name: str, folder: Path | None) -> None:
    """Say where a model lies, what it weighs and what it was made from."""
    from tools.med_vlm.compact.files import SHIPPED, load_card

    place = folder or SHIPPED
    card = load_card(place)
    click.echo(f"{card.name} {card.version} ({card.licence}): {card.summary}")
    for file, listed in card.files.items():
        click.echo(f"  {file}  {listed.bytes / 1e6:.2f} MB  sha256 {listed.sha256}")
    click.echo(f"  trained on {card.training.train} examples: {card.training.data}")
    click.echo(f"  made by `{card.training.command}`")


@model.command()
@NAME
@FOLDER
def check(name: str, folder: Path | None) -> None:
    """Check every file of a model against its card, load it and let it read noise, on which it must abstain.

    Exit code 3 with a problem document when a file is missing or changed.
    """
    import numpy as np

    from sidenote.problems import refusals
    from tools.med_vlm.compact.reader import load_compact

    with refusals():
        reader = load_compact(folder)
    reading = reader.read(np.random.default_rng(0).random((256, 256), dtype=np.float32))
    click.echo(f"{reader.name}: files match the card, sha256 {reader.fingerprint}")
    answer = "abstained" if reading.abstained else "READ AS A RADIOGRAPH"
    click.echo(f"noise: {answer}, distance {reading.ood_score:.2f} of {reading.ood_threshold:.2f}")
    if not reading.abstained:
        raise SystemExit(1)


@model.command()
@NAME
@FOLDER
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)
def card(name: str, folder: Path | None, form: str) -> None:
    """Show a model's card: what it was made from, how well it reads what, on what it abstains, and its 31 source attributes."""
    from sidenote.problems import refusals
    from tools.med_vlm.compact.files import SHIPPED, load_card

    with refusals():
        found = load_card(folder or SHIPPED)
    if form == "json":
        click.echo(found.model_dump_json(indent=1))
        return
    from rich.console import Console

    from sidenote.commands.model_card import render_card

    Console().print(render_card(found))


@model.command()
@NAME
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("compact-model"),
    show_default=True,
    help="Where the model is written.",
)
@click.option(
    "--work",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("compact-training"),
    show_default=True,
    help="Working folder; a killed run goes on there.",
)
@click.option("--quick", is_flag=True, help="A tiny model in a minute, to see that everything runs; good for nothing else.")
@click.option("--count", type=click.IntRange(min=32), default=6000, show_default=True, help="Training phantoms.")
@click.option("--epochs", type=click.IntRange(min=2), default=18, show_default=True)
@click.option("--seed", type=int, default=20260101, show_default=True)
@click.option(
    "--external",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Index (JSON lines) of openly licensed radiographs to measure on.",
)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; without it all cores.")
def train(
    name: str, out: Path, work: Path, quick: bool, count: int, epochs: int, seed: int, external: Path | None, threads: int | None
) -> None:
    """Train a model on phantoms drawn for it, calibrate it, measure it and write it with its card."""
    import torch

    from sidenote.commands.phantom_source import lateral_phantoms, phantom_source
    from sidenote.problems import refusals
    from tools.med_vlm.compact.evaluation_sets import external as labelled_images
    from tools.med_vlm.compact.recipe import make

    if threads:
        torch.set_num_threads(threads)
    recipe = quick_recipe(seed) if quick else full_recipe(count, epochs, seed)
    laterals = lateral_phantoms(range(TEST, TEST + (8 if quick else 100)))
    others = chain(laterals, labelled_images(external) if external else ())
    with refusals():
        made = make(recipe, phantom_source, work, out, others=others, say=lambda text: click.echo(text, err=True))
    click.echo(f"{made.name} {made.version} written to {out}")


def full_recipe(count: int, epochs: int, seed: int) -> Recipe:
    """The recipe of the model that ships: two fifths of the epochs at 128 pixels, the rest at 192."""
    from tools.med_vlm.compact.network import Shape
    from tools.med_vlm.compact.recipe import Recipe
    from tools.med_vlm.compact.training import Plan

    small = epochs * 2 // 5
    return Recipe(
        train=range(count),
        held_out=range(HELD_OUT, HELD_OUT + 300),
        calibration=range(CALIBRATION, CALIBRATION + 700),
        test=range(TEST, TEST + 700),
        shape=Shape(),
        plan=Plan(sizes=(128,) * small + (192,) * (epochs - small), seed=seed),
        data=f"drawn frontal chest phantoms of this project, corpus seed 0, numbers 0 to {count - 1}",
        command=f"sidenote model train compact --count {count} --epochs {epochs} --seed {seed}",
    )


def quick_recipe(seed: int) -> Recipe:
    """A recipe that runs through everything on a few small phantoms."""
    from tools.med_vlm.compact.network import Shape
    from tools.med_vlm.compact.recipe import Recipe
    from tools.med_vlm.compact.training import Plan

    return Recipe(
        train=range(24),
        held_out=range(HELD_OUT, HELD_OUT + 12),
        calibration=range(CALIBRATION, CALIBRATION + 24),
        test=range(TEST, TEST + 24),
        shape=Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24),
        plan=Plan(sizes=(64,) * 3, batch=8, average=0.9, seed=seed, fast=False),
        data="24 drawn frontal chest phantoms of this project; a try-out",
        command=f"sidenote model train compact --quick --seed {seed}",
    )
