"""`sidenote index info` and `verify`: what a library holds, and whether every byte is the one that was written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sidenote.commands.index.options import JSON, LIBRARY, asked_milvus, at_milvus, cards_url, folder_of
from sidenote.problems import refusals

if TYPE_CHECKING:
    from retrieval.info import IndexInfo
    from sidenote.milvus_place import MilvusPlace


SHOWN = 20
"""Cases in quarantine that `info` names."""


@click.command()
@LIBRARY
@JSON
def info(library: Path | None, form: str) -> None:
    """Say what the library holds, what was left out, and how it was calibrated."""
    from retrieval.generation.generations import current
    from retrieval.info import describe
    from retrieval.library import quarantine

    with refusals():
        found = describe(current(folder_of(library)))
        held = quarantine(folder_of(library))
    show(found, form)
    if form == "terminal":
        for case in held[:SHOWN]:
            click.echo(f"in quarantine: {case.key}, {case.reason}")
        if len(held) > SHOWN:
            click.echo(f"and {len(held) - SHOWN} more")


@click.command()
@LIBRARY
@at_milvus
def verify(library: Path | None, **published: Any) -> None:
    """Check every byte of the library, and every card against its vector; of one in Milvus every case against its seal."""
    from retrieval.library import check

    with refusals():
        place = asked_milvus(library, **published)
        if place is not None:
            _verify_published(place, compared=published["uri"] is None)
            return
        found = check(folder_of(library), cards_url=cards_url())
    click.echo(f"whole: {found.cases} cases, generation {found.folder.name}, manifest {found.sha256}")


def _verify_published(place: MilvusPlace, *, compared: bool) -> None:
    opened = place.open(None)
    try:
        found, seal = opened.check(), opened.seal
    finally:
        opened.close()
    click.echo(f"whole: {found.cases} cases, collection {found.folder.name}, manifest {found.sha256}, seal {seal}")
    if compared and _manifest_here() not in (None, found.sha256):
        click.echo("the library in its folder is another generation: run `sidenote index publish`", err=True)


def _manifest_here() -> str | None:
    """Of the library in the configured folder; None where there is none, as on a machine that only asks Milvus."""
    from retrieval.errors import IndexUnusable
    from retrieval.generation.generations import current

    try:
        return current(folder_of(None)).sha256
    except IndexUnusable:
        return None


def show(info: IndexInfo, form: str) -> None:
    """Print what an index is."""
    click.echo(json.dumps(_as_json(info), indent=2)) if form == "json" else _print(info)


def _as_json(info: IndexInfo) -> dict[str, Any]:
    return {field.name: _plain(getattr(info, field.name)) for field in fields(info)} | {"folder": info.folder.name}


def _plain(value: Any) -> Any:
    """`value` as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return value


def _print(info: IndexInfo) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for name, text in _rows(info):
        table.add_row(name, text)
    Console(highlight=False).print(table)


def _rows(info: IndexInfo) -> Iterator[tuple[str, str]]:
    rate = f", {info.seconds:.1f} s" if info.seconds is not None else ""
    yield "library", info.source + (", signature checked" if info.signed else "")
    yield "cases", f"{info.cases:,} in {info.size / 1e6:.1f} MB, segments: {len(info.segments)}, cards in {info.cards}{rate}"
    if info.changed is not None:
        yield "changed by this", f"{info.changed:,}"
    yield "left out", _counts(info.skipped)
    for reason, where in info.skipped_at:
        yield "", f"{where}: {reason}"
    yield "not found any more", _counts(info.gone) + (f"; {info.quarantined} in quarantine" if info.quarantined else "")
    if info.cards_left:
        yield "cards left behind", "the database could not be asked to delete some; the next change deletes them"
    if info.notes:
        yield "in reports replaced", _counts(info.notes)
    yield "encoder", f"{info.encoder_fingerprint[:12]}, {info.dimensions.image} + {info.dimensions.text} dimensions"
    yield "image counts for", f"{info.image_weight:.2f} ({info.image_weight_reason})"
    limits = ", ".join(f"{kind} {'too few cases' if limit is None else f'{limit:.2f}'}" for kind, limit in info.thresholds.items())
    yield "comparable up to", f"{limits} (covers {info.coverage:.0%} of held-out cases)"
    for note in info.near or ("exact scans alone",):
        yield "fast search", note
    yield "generation", f"{info.folder.name}, manifest {info.sha256[:16]}, built {info.built_at}"


def _counts(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{count} x {reason}" for reason, count in counts.items()) or "none"
