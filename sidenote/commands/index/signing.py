"""`sidenote index sign`: an archive's signature, without which no case enters a library unasked."""

from __future__ import annotations

from pathlib import Path

import click

from sidenote.commands.index.options import SECRET, secret_of
from sidenote.problems import refusals


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@SECRET
def sign(folder: Path, secret_file: Path | None) -> None:
    """Sign the archive FOLDER (cases.jsonl and every image it names) with the site's secret, after somebody looked at it."""
    from retrieval.archive.signing import sign as sign_archive

    with refusals():
        path = sign_archive(folder, secret_of(secret_file))
    click.echo(f"signed: {path.name}")
