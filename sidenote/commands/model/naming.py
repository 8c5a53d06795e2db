"""How a command names a model: `compact`, with a folder of its own where one is given, or a `[[model]]` of the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sidenote.settings import COMPACT, Settings, load_settings

if TYPE_CHECKING:
    from tools.med_vlm.reading import Reader
    from tools.med_vlm.spec import ModelSpec

Command = TypeVar("Command", bound=Callable[..., Any])

name_argument = click.argument("name", default=COMPACT)
folder_option = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of the compact model; without it the one that ships.",
)


def named(command: Command) -> Command:
    """Give a command the name of a model and the folder of the compact one."""
    return name_argument(folder_option(command))


def spec_of(name: str, folder: Path | None) -> ModelSpec | None:
    """The settings' entry of a name; None for the compact model.

    Raises:
        SettingsInvalid: no model has that name.
        click.UsageError: a folder is given for another model than the compact one.
    """
    if name == COMPACT:
        return None
    if folder is not None:
        raise click.UsageError("--folder is for the compact model; the place of another stands in its [[model]] table")
    from sidenote.models import spec_named

    return spec_named(load_settings(), name)


def open_named(name: str, folder: Path | None) -> Reader:
    """The reader of a name, gated and probed as a review has it.

    Raises:
        SettingsInvalid, click.UsageError: as `spec_of`.
        tools.med_vlm.errors.MedVlmError: it cannot be loaded.
    """
    from sidenote.models import open_image_model

    return open_image_model(with_folder(name, folder), name)


def with_folder(name: str, folder: Path | None) -> Settings:
    """The settings, with the compact model's folder where one was given on the command line.

    Raises:
        SettingsInvalid, click.UsageError: as `spec_of`.
    """
    spec_of(name, folder)
    settings = load_settings()
    return settings if folder is None else settings.model_copy(update={"model_folder": folder})
