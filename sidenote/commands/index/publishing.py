"""`sidenote index publish`: the library in a Milvus server, for more reviews than one machine answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidenote.commands.index.options import LIBRARY, cards_url, folder_of
from sidenote.commands.index.progress import progress
from sidenote.problems import refusals
from sidenote.servers import secret_in
from sidenote.settings import load_settings

if TYPE_CHECKING:
    from retrieval.milvus.publishing import Published


@click.command()
@click.option("--milvus", "uri", help="URI of the server, or a file of milvus-lite; default: as configured.")
@click.option("--collection", help="Name of the collection; default: as configured.")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="File with the token; default: as configured.")
@LIBRARY
def publish(uri: str | None, collection: str | None, token_file: Path | None, library: Path | None) -> None:
    """Copy the library into a collection of a Milvus server. Who asks it meanwhile sees the old one until the new one is whole."""
    with refusals():
        settings = load_settings()
        to, name = uri or settings.milvus_uri, collection or settings.milvus_collection
        if to is None:
            raise click.UsageError("give --milvus URI, or configure milvus_uri")
        done = _publish(folder_of(library), to, name, token_file or settings.milvus_token_file)
    click.echo(f"published: {done.cases} cases as {name}; seal {done.seal}")


def _publish(folder: Path, uri: str, collection: str, token_file: Path | None) -> Published:
    from retrieval.generation.generations import current
    from retrieval.library import open_library
    from retrieval.milvus.publishing import publish as publish_library

    opened = open_library(folder, current(folder).manifest.encoder_fingerprint, cards_url=cards_url())
    try:
        token = None if token_file is None else secret_in(token_file, "milvus_token_file").decode()
        with progress(opened.info.cases) as seen:
            return publish_library(opened, uri, collection, token=token, progress=seen)
    finally:
        opened.close()
