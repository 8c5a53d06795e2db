"""`sidenote model list`, `info` and `card`: what the models are."""

from __future__ import annotations

from pathlib import Path

import click

from sidenote.commands.model.naming import named, spec_of

SHIPPED_WORDS = "Reads one frontal chest image on a CPU; ships with the product, a demonstrator for research use."


@click.command("list")
def list_models() -> None:
    """Name the models and say in one line what each is."""
    from sidenote.problems import refusals
    from sidenote.settings import load_settings

    click.echo(f"compact  {SHIPPED_WORDS}")
    with refusals():
        settings = load_settings()
    for spec in settings.model:
        click.echo(f"{spec.name}  Run by {spec.backend}; licence {spec.licence}.")


@click.command()
@named
def info(name: str, folder: Path | None) -> None:
    """Say where a model lies, what it weighs and what it was made from."""
    from sidenote.problems import refusals

    with refusals():
        spec = spec_of(name, folder)
        if spec is None:
            _compact_info(folder)
            return
    click.echo(f"{spec.name}: back end {spec.backend}, licence {spec.licence}" + (", accepted" if spec.accept_noncommercial else ""))
    for file, digest in sorted(spec.files.items()):
        click.echo(f"  {file}  sha256 {digest}")
    click.echo(f"  may be shown {', '.join(spec.modalities)} of {', '.join(spec.body_parts)}, views {', '.join(spec.views)}")
    click.echo("  calibrated here" if spec.calibration else "  not calibrated: nothing it says is more than uncertain")


def _compact_info(folder: Path | None) -> None:
    from tools.med_vlm.compact.files import SHIPPED, load_card

    card = load_card(folder or SHIPPED)
    click.echo(f"{card.name} {card.version} ({card.licence}): {card.summary}")
    for file, listed in card.files.items():
        click.echo(f"  {file}  {listed.bytes / 1e6:.2f} MB  sha256 {listed.sha256}")
    click.echo(f"  trained on {card.training.train} examples: {card.training.data}")
    click.echo(f"  made by `{card.training.command}`")


@click.command()
@named
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)
@click.option("--pictures", type=click.Path(file_okay=False, path_type=Path), help="Write the reliability and risk-coverage pictures here.")
def card(name: str, folder: Path | None, form: str, pictures: Path | None) -> None:
    """Show a model's card: what it was made from, how well it reads what, on what it abstains, and its 31 source attributes."""
    from sidenote.problems import refusals
    from sidenote.render.card_pictures import write_pictures
    from tools.med_vlm.compact.files import SHIPPED, load_card
    from tools.med_vlm.site_card import card_of

    with refusals():
        spec = spec_of(name, folder)
        found = load_card(folder or SHIPPED) if spec is None else card_of(spec)
        if pictures is not None:
            for path in write_pictures(found, pictures):
                click.echo(f"{path} written", err=True)
    if form == "json":
        click.echo(found.model_dump_json(indent=1))
        return
    from rich.console import Console

    from sidenote.commands.model.terminal_card import render_card, render_site_card
    from tools.med_vlm.site_card import SiteCard

    Console(markup=False).print(render_site_card(name, found) if isinstance(found, SiteCard) else render_card(found))
