"""`sidenote index publish`: the library in a Milvus server, for more reviews than one machine answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidenote.commands.index.options import LIBRARY, at_milvus, cards_url, folder_of
from sidenote.commands.index.progress import progress
from sidenote.milvus_place import MilvusPlace, milvus_place
from sidenote.problems import refusals
from sidenote.settings import load_settings

if TYPE_CHECKING:
    from retrieval.milvus.publishing import Published


@click.command()
@at_milvus
@LIBRARY
def publish(uri: str | None, collection: str | None, token_file: Path | None, library: Path | None) -> None:
    """Copy the library into a collection of a Milvus server. Who asks it meanwhile sees the old one until the new one is whole."""
    with refusals():
        place = milvus_place(load_settings(), uri, collection, token_file)
        if place is None:
            raise click.UsageError("give --milvus URI, or configure milvus_uri")
        done = _publish(folder_of(library), place)
    click.echo(f"published: {done.cases} cases as {place.collection}; seal {done.seal}")


def withdraw_gone(folder: Path, place: MilvusPlace) -> None:
    """Take out of what is published whatever is found no longer in the folder, then publish anew; what was done is told on stderr.

    The first is at once, the second as long as any publication: no review shows a removed case meanwhile.
    """
    from retrieval.library import gone_cases
    from retrieval.milvus.withdrawing import withdraw

    held = withdraw(place.uri, place.collection, [case.key for case in gone_cases(folder)], token=place.token)
    click.echo(f"taken out of Milvus: {held} cases; who opens it anew is answered once it is published again", err=True)
    done = _publish(folder, place)
    click.echo(f"published: {done.cases} cases as {place.collection}; seal {done.seal}", err=True)
    if place.seal not in (None, done.seal):
        click.echo("configure this seal as milvus_seal: what it named before is gone", err=True)


def remind(library: Path | None) -> None:
    """Say on stderr that what reviews ask in Milvus is not the library that a command changed, where that is so."""
    settings = load_settings()
    if settings.milvus_uri is not None and folder_of(library) == settings.library_folder:
        click.echo("what was published to Milvus is unchanged and answers reviews: run `sidenote index publish`", err=True)


def _publish(folder: Path, place: MilvusPlace) -> Published:
    from retrieval.generation.generations import current
    from retrieval.library import open_library
    from retrieval.milvus.publishing import publish as publish_library

    opened = open_library(folder, current(folder).manifest.encoder_fingerprint, cards_url=cards_url())
    try:
        with progress(opened.info.cases, "publishing") as seen:
            return publish_library(opened, place.uri, place.collection, token=place.token, progress=seen)
    finally:
        opened.close()
