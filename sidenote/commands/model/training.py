"""`sidenote model train …`: the model that ships, and models adapted to a site's archive."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import click

from sidenote.commands.model.adapting import contrastive, distil, lora, mlm


@click.group()
def train() -> None:
    """Train the compact model, or adapt a model to a site's archive."""


@train.command()
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
@click.option("--count", type=click.IntRange(min=32), default=8000, show_default=True, help="Training phantoms.")
@click.option("--epochs", type=click.IntRange(min=2), default=15, show_default=True)
@click.option("--seed", type=int, default=20260101, show_default=True)
@click.option(
    "--radiographs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Index (JSON lines) of openly licensed radiographs: some patients train, others calibrate, others test.",
)
@click.option(
    "--external",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Index (JSON lines) of further radiographs to measure on.",
)
@click.option(
    "--batch", type=click.IntRange(min=8), default=32, show_default=True, help="Examples of a step; the rate grows with its root."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where it is trained.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; without it all cores.")
def compact(
    out: Path,
    work: Path,
    quick: bool,
    count: int,
    epochs: int,
    seed: int,
    radiographs: Path | None,
    external: Path | None,
    batch: int,
    device: str,
    threads: int | None,
) -> None:
    """Train the compact model on phantoms drawn for it and on radiographs, calibrate it, measure it, write it with its card."""
    import torch

    from sidenote.commands.phantom_source import lateral_phantoms, phantom_source
    from sidenote.problems import refusals
    from tools.med_vlm.backends.placing import device_of
    from tools.med_vlm.compact.examples.evaluation_sets import external as labelled_images
    from tools.med_vlm.compact.making.recipe import make
    from tools.med_vlm.compact.making.recipes import TEST, full_recipe, quick_recipe

    if threads:
        torch.set_num_threads(threads)
    with refusals():
        place = device_of(device)
        recipe = (
            quick_recipe(seed, radiographs, device=place)
            if quick
            else full_recipe(count, epochs, seed, radiographs, batch=batch, device=place)
        )
        laterals = lateral_phantoms(range(TEST, TEST + (8 if quick else 100)))
        indices = dict.fromkeys(index for index in (radiographs, external) if index)  # who trained or calibrated drops out by themselves
        others = chain(laterals, *(labelled_images(index) for index in indices))
        made = make(recipe, phantom_source, work, out, others=others, say=lambda text: click.echo(text, err=True))
    click.echo(f"{made.name} {made.version} written to {out}")


for strategy in (contrastive, mlm, lora, distil):
    train.add_command(strategy)
