"""`sidenote model backends`, `pin` and `convert`: bringing a model of one's own."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
def backends() -> None:
    """Name the back ends a `[[model]]` can have."""
    from tools.med_vlm.catalogue import BACKENDS

    width = max(map(len, BACKENDS))
    for name, backend in BACKENDS.items():
        click.echo(f"{name:{width}}  {backend.summary}")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--base", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Folder of its base model, pinned with it.")
def pin(folder: Path, base: Path | None) -> None:
    """Write the `files` table of a model's folder: the SHA-256 of everything that its answers depend on."""
    from sidenote.problems import refusals
    from tools.med_vlm.identity import pins

    with refusals():
        found = pins(folder, base)
    click.echo("[model.files]")
    for name, digest in sorted(found.items()):
        click.echo(f'"{name}" = "{digest}"')


@click.command()
@click.argument("kind")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--base", type=click.Path(exists=True, path_type=Path), help="Folder of the base model that a published part goes into.")
def convert(kind: str, source: Path, out: Path, base: Path | None) -> None:
    """Turn a published checkpoint into a folder that can be pinned and loaded: safetensors, no code.

    KIND is one of the layouts that `docs/models.md` lists.
    """
    from sidenote.problems import refusals
    from tools.med_vlm.conversion import KINDS
    from tools.med_vlm.conversion import convert as converted

    if kind not in KINDS:
        raise click.BadParameter(f"one of {', '.join(KINDS)}", param_hint="KIND")
    with refusals():
        made = converted(kind, source, out, base=base)
    click.echo(f"{made} written; `sidenote model pin {made}` writes its hashes")
