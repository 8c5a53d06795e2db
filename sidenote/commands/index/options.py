"""Options that several sub-commands share, and what stands for those that were left out."""

from __future__ import annotations

from pathlib import Path

import click

from sidenote.errors import SettingsInvalid
from sidenote.servers import secret_in
from sidenote.settings import cards_url_of, load_settings

LIBRARY = click.option("--library", type=click.Path(path_type=Path, file_okay=False), help="Folder of the library; default: as configured.")
ENCODER = click.option("--encoder", help="Who embeds, e.g. compact or sentence-transformers:FOLDER; default: as configured.")
SECRET = click.option(
    "--secret-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the site secret, 16 bytes or more; default: as configured.",
)
JSON = click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)


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
