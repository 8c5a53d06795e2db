"""`sidenote index build` and `add`: cases in, a new generation of the library out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sidenote.commands.index.options import ENCODER, JSON, LIBRARY, SECRET, encoder_of, folder_of
from sidenote.commands.index.progress import progress
from sidenote.commands.index.publishing import remind
from sidenote.commands.index.showing import show
from sidenote.commands.index.sources import Asked, archive, phantoms
from sidenote.problems import refusals
from sidenote.settings import Settings, cards_url_of, load_settings

if TYPE_CHECKING:
    from retrieval.building.embedding import Embed
    from retrieval.info import IndexInfo

_OPTIONS = (
    click.option("--phantoms", type=click.IntRange(1, 1_000_000), help="Index so many phantom studies."),
    click.option("--cases", type=click.Path(path_type=Path), help="Index a folder with cases.jsonl and its images."),
    click.option("--dicom", type=click.Path(path_type=Path), help="Index a folder of DICOM files and their reports."),
    click.option("--fhir", help="Index the imaging studies of a FHIR server, a bundle, or a folder of them."),
    click.option("--seed", type=int, default=None, help="Seed of the phantoms."),
    click.option("--consent", help="On what ground all cases of --dicom or --fhir may be used, where the archive does not say."),
    click.option("--licence", help="Licence of all cases of --dicom or --fhir, where the archive does not say."),
    click.option("--site", default="unknown", show_default=True, help="Name of the site, with --dicom or --fhir."),
    click.option("--system", help="Identifier.system of the Patient IDs in DICOM headers, so that reviews recognise the patient."),
    click.option("--unsigned", is_flag=True, help="Take --cases without a signature (see `sidenote index sign`)."),
    click.option("--ray", help="Embed on a Ray cluster: its address, or `local`."),
    click.option("--workers", type=click.IntRange(1, 1_000), default=2, show_default=True, help="Encoders on the Ray cluster."),
    SECRET,
    LIBRARY,
    ENCODER,
    JSON,
)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_with_options
def build(form: str, **given: Any) -> None:
    """Build the library anew and put it in place of the old one. A build that was killed goes on where it was."""
    from retrieval.building.build import build as build_index

    _run(build_index, form, given)


@click.command()
@_with_options
def add(form: str, **given: Any) -> None:
    """Add cases to the library in use. What looks like a plant is put in quarantine, and `info` says so."""
    from retrieval.building.growth import add as add_cases

    _run(add_cases, form, given)


def _run(make: Callable[..., IndexInfo], form: str, given: dict[str, Any]) -> None:
    asked = _asked(given)
    with refusals():
        info = _made(make, asked, load_settings(), folder_of(given["library"]), encoder_of(given["encoder"]), given)
        remind(given["library"])
    show(info, form)


def build_phantom_library(settings: Settings, count: int) -> IndexInfo:
    """Build the phantom library of the configured model with a progress bar."""
    from retrieval.building.build import build as build_index
    from sidenote.encoders import COMPACT

    return _made(build_index, Asked(phantoms=count), settings, settings.library_folder, COMPACT, {})


def _asked(given: dict[str, Any]) -> Asked:
    names = ("phantoms", "cases", "dicom", "fhir", "seed", "consent", "licence", "site", "system", "unsigned", "secret_file")
    asked = Asked(**{name: given[name] for name in names})
    if wrong := asked.wrong:
        raise click.UsageError(wrong)
    return asked


def _made(make: Callable[..., IndexInfo], asked: Asked, settings: Settings, folder: Path, name: str, given: dict[str, Any]) -> IndexInfo:
    """What `make`, which builds or adds, makes of what was asked for."""
    from sidenote.encoders import MANY, encoder_named

    source = phantoms(asked.phantoms, asked.seed) if asked.phantoms is not None else archive(asked, settings)
    many = source.total is None or source.total >= MANY
    encoder = encoder_named(name, settings.model_folder, many=many and not given.get("ray"))  # on Ray the workers embed
    keyring, cases = source.keyed(folder, encoder.fingerprint)
    with progress(source.total) as seen:
        return make(
            seen.watched(cases),
            encoder,
            folder,
            keyring=keyring,
            progress=seen,
            source=f"{source.words}; encoder {_without_path(name)}",
            source_fingerprint=source.fingerprint,
            signed=source.signed,
            notes=source.notes,
            embed=_embed(name, settings, given, many),
            cards_url=cards_url_of(settings),
        )


def _without_path(encoder: str) -> str:
    """The name of an encoder without the folders its files are in: the library goes to others, and says nothing of this machine.

    >>> _without_path("images:/srv/models/rad-dino+google/siglip")
    'images:rad-dino+google/siglip'
    """
    kind, colon, models = encoder.partition(":")
    parts = (Path(part).name if Path(part).is_absolute() or Path(part).is_dir() else part for part in models.split("+"))
    return kind + colon + "+".join(parts)


def _embed(name: str, settings: Settings, given: dict[str, Any], many: bool) -> Embed | None:
    """How cases are embedded; None: here, in this process."""
    if not given.get("ray"):
        return None
    from functools import partial

    from retrieval.building.ray_embedding import Workers, on_ray
    from sidenote.encoders import encoder_named

    return on_ray(partial(encoder_named, name, settings.model_folder, many=many), Workers(given["workers"], given["ray"]))
