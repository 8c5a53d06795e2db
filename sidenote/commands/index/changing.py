"""`sidenote index remove`, `release` and `compact`: what is taken out of a library, let back in, and tidied up."""

from __future__ import annotations

import re
from pathlib import Path

import click

from sidenote.commands.index.options import JSON, LIBRARY, SECRET, cards_url, folder_of, secret_of
from sidenote.commands.index.showing import show
from sidenote.problems import refusals
from sidenote.settings import load_settings

KEY = re.compile(r"[0-9a-f]{32}")


def _keys(context: click.Context, option: click.Parameter, keys: tuple[str, ...]) -> tuple[str, ...]:
    if not all(KEY.fullmatch(key) for key in keys):
        raise click.BadParameter("a key has 32 hex digits")
    return keys


CASE = click.option("--case", "cases", multiple=True, callback=_keys, help="Key of a case, as `search` shows it; repeat for more.")


@click.command()
@CASE
@click.option("--person", "persons", multiple=True, help="Identifier of a person as the archive had it: all their cases; needs the secret.")
@click.option("--reason", default="removed", show_default=True, help="A short phrase without content of the case.")
@SECRET
@LIBRARY
@JSON
def remove(
    cases: tuple[str, ...], persons: tuple[str, ...], reason: str, secret_file: Path | None, library: Path | None, form: str
) -> None:
    """Take cases out of the library. They are found no longer at once; `compact` removes their bytes."""
    if not cases and not persons:
        raise click.UsageError("give --case KEY or --person IDENTIFIER")
    from retrieval.building.growth import remove as remove_cases

    with refusals():
        folder = folder_of(library)
        keys = _person_keys(folder, persons, secret_file) if persons else frozenset()
        info = remove_cases(folder, case_keys=frozenset(cases), person_keys=keys, reason=reason, cards_url=cards_url())
        published = load_settings().milvus_uri is not None
    show(info, form)
    if published:
        click.echo("what was published to Milvus is unchanged and still answers reviews: run `sidenote index publish`", err=True)


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
