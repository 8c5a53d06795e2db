"""`sidenote index remove`, `release` and `compact`: what is taken out of a library, let back in, and tidied up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from sidenote.commands.index.options import JSON, LIBRARY, SECRET, at_milvus, cards_url, folder_of, secret_of
from sidenote.commands.index.publishing import remind, withdraw_gone
from sidenote.commands.index.showing import show
from sidenote.milvus_place import milvus_place
from sidenote.problems import refusals
from sidenote.settings import load_settings

KEY = re.compile(r"[0-9a-f]{32}")


def _keys(context: click.Context, option: click.Parameter, keys: tuple[str, ...]) -> tuple[str, ...]:
    if not all(KEY.fullmatch(key) for key in keys):
        raise click.BadParameter("a key has 32 hex digits")
    return keys


_NOBODY = (
    "no case was removed: the library holds none of these, or none any more. A key has all its 32 digits, and a person is written "
    "as the archive had them, e.g. SYSTEM|NUMBER"
)
CASE = click.option("--case", "cases", multiple=True, callback=_keys, help="Key of a case, of `search --format json`; repeat for more.")


@click.command()
@CASE
@click.option("--person", "persons", multiple=True, help="Identifier of a person as the archive had it: all their cases; needs the secret.")
@click.option("--reason", default="removed", show_default=True, help="A short phrase without content of the case.")
@SECRET
@LIBRARY
@at_milvus
@JSON
def remove(
    cases: tuple[str, ...],
    persons: tuple[str, ...],
    reason: str,
    secret_file: Path | None,
    library: Path | None,
    form: str,
    **published: Any,
) -> None:
    """Take cases out of the library and of what is published to Milvus: found no longer, at once. `compact` removes their bytes."""
    if not cases and not persons:
        raise click.UsageError("give --case KEY or --person IDENTIFIER")
    from retrieval.building.growth import remove as remove_cases

    with refusals():
        folder = folder_of(library)
        keys = _person_keys(folder, persons, secret_file) if persons else frozenset()
        info = remove_cases(folder, case_keys=frozenset(cases), person_keys=keys, reason=reason, cards_url=cards_url())
    show(info, form)
    if not info.changed:
        click.echo(_NOBODY, err=True)
    with refusals():
        place = milvus_place(load_settings(), **published)
        if place is not None:
            withdraw_gone(folder, place)


def _person_keys(folder: Path, persons: tuple[str, ...], secret_file: Path | None) -> frozenset[str]:
    from retrieval.generation.generations import current
    from retrieval.library import keyring_of

    ring = keyring_of(current(folder).manifest, secret_of(secret_file))
    return frozenset(ring.person(person) for person in persons)


@click.command()
@CASE
@LIBRARY
@JSON
def release(cases: tuple[str, ...], library: Path | None, form: str) -> None:
    """Let cases out of quarantine, after somebody looked at them."""
    if not cases:
        raise click.UsageError("give --case KEY")
    from retrieval.building.growth import release as release_cases

    with refusals():
        info = release_cases(folder_of(library), frozenset(cases), cards_url=cards_url())
        remind(library)
    show(info, form)


@click.command()
@LIBRARY
@JSON
def compact(library: Path | None, form: str) -> None:
    """Write the library anew as one piece, without what was removed."""
    from retrieval.building.growth import compact as compact_library

    with refusals():
        info = compact_library(folder_of(library), cards_url=cards_url())
    show(info, form)
