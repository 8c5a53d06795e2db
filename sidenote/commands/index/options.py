"""Options that several sub-commands share, and what stands for those that were left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidenote.errors import SettingsInvalid
from sidenote.servers import secret_in
from sidenote.settings import cards_url_of, load_settings

if TYPE_CHECKING:
    from sidenote.milvus_place import MilvusPlace

LIBRARY = click.option("--library", type=click.Path(path_type=Path, file_okay=False), help="Folder of the library; default: as configured.")
ENCODER = click.option("--encoder", help="Who embeds, e.g. compact or sentence-transformers:FOLDER; default: as configured.")
SECRET = click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the site secret, 16 bytes or more; default: as configured.",
)
JSON = click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)

_MILVUS = (
    click.option("--milvus", "uri", help="URI of a Milvus server, or a file of milvus-lite; default: as configured."),
    click.option("--collection", help="Name of the collection there; default: as configured."),
    click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help="File with the token; default: as configured."),
)


def at_milvus(command: Callable[..., None]) -> Callable[..., None]:
    """The options that name a place in Milvus: `uri`, `collection` and `token_file`."""
    for option in reversed(_MILVUS):
        command = option(command)
    return command


def asked_milvus(library: Path | None, uri: str | None, collection: str | None, token_file: Path | None) -> MilvusPlace | None:
    """The place in Milvus that is asked, as reviews would; None where a folder is.

    Raises:
        click.UsageError: a folder and a place in Milvus are named.
        SettingsInvalid: see `sidenote.milvus_place.milvus_place`.
    """
    from sidenote.milvus_place import milvus_place

    if library is not None and uri is not None:
        raise click.UsageError("give --library or --milvus")
    return None if library is not None else milvus_place(load_settings(), uri, collection, token_file)


def folder_of(library: Path | None) -> Path:
    """The folder that was named, or the configured one."""
    return library or load_settings().library_folder


def encoder_of(name: str | None) -> str:
    """The encoder that was named, or the configured one."""
    return name or load_settings().encoder


def secret_of(path: Path | None) -> bytes:
    """The site secret.

    Raises:
        SettingsInvalid: no file is named or configured, or it cannot be read.
    """
    chosen = path or load_settings().secret_file
    if chosen is None:
        raise SettingsInvalid("secret_file: identities are hashed with the site's secret; give --secret-file or configure it")
    return secret_in(chosen, "secret_file")


def cards_url() -> str | None:
    """URL of the PostgreSQL database with the cards, where one is configured.

    Raises:
        SettingsInvalid: its file cannot be read.
    """
    return cards_url_of(load_settings())
