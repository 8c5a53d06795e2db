"""`sidenote index`: build, search and verify the library of past cases."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sidenote.problems import refusals
from sidenote.settings import Settings, load_settings

if TYPE_CHECKING:
    from retrieval.cards import Rejected, SearchResult, SourceCase
    from retrieval.info import IndexInfo
    from retrieval.keys import Keyring
    from sidenote.library import EncoderName

LIBRARY = click.option("--library", type=click.Path(path_type=Path, file_okay=False), help="Folder of the library; default: as configured.")
ENCODER = click.option("--encoder", type=click.Choice(["compact", "hash"]), default="compact", show_default=True,
                       help="Who embeds; `hash` is a test double that understands nothing.")  # fmt: skip
JSON = click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)


@click.group()
def index() -> None:
    """Build, search and verify the library of past cases."""


@dataclass(frozen=True)
class _Source:
    """What is to be indexed, and with which keys."""

    cases: Iterable[SourceCase | Rejected]
    total: int
    keyring: Keyring
    words: str


@index.command()
@click.option("--phantoms", type=click.IntRange(1, 1_000_000), help="Index so many phantom studies.")
@click.option("--cases", type=click.Path(path_type=Path), help="Index a folder with cases.jsonl and its images.")
@click.option("--seed", type=int, default=None, help="Seed of the phantoms.")
@click.option(
    "--secret-file", type=click.Path(path_type=Path, dir_okay=False), help="With --cases: file with the site secret, 16 bytes or more."
)
@LIBRARY
@ENCODER
@JSON
def build(
    phantoms: int | None,
    cases: Path | None,
    seed: int | None,
    secret_file: Path | None,
    library: Path | None,
    encoder: EncoderName,
    form: str,
) -> None:
    """Build a new generation of the library and put it in place of the old one."""
    if (phantoms is None) == (cases is None):
        raise click.UsageError("give either --phantoms N or --cases FOLDER")
    if cases is not None and (secret_file is None or seed is not None):
        raise click.UsageError("--cases needs --secret-file, since identities are hashed with the site's secret, and has no --seed")
    if phantoms is not None and secret_file is not None:
        raise click.UsageError("--secret-file goes with --cases: phantoms are nobody")
    with refusals():
        source = _archive(cases, secret_file) if cases and secret_file else _phantoms(phantoms or 0, seed)
        info = _build(source, _folder(library), encoder, load_settings().model_folder)
    click.echo(json.dumps(_info(info), indent=2)) if form == "json" else _show_info(info)


def build_phantom_library(settings: Settings, count: int) -> IndexInfo:
    """Build the phantom library of the configured model with a progress bar."""
    return _build(_phantoms(count, None), settings.library_folder, "compact", settings.model_folder)


def _build(source: _Source, folder: Path, name: EncoderName, model_folder: Path | None) -> IndexInfo:
    from retrieval.build import build as build_index
    from sidenote.library import encoder_named

    encoder = encoder_named(name, model_folder)
    with _progress(source.total) as progress:
        return build_index(
            source.cases, encoder, folder, keyring=source.keyring, progress=progress, source=f"{source.words}; encoder {name}"
        )


def _phantoms(count: int, seed: int | None) -> _Source:
    from sidenote.library import PHANTOM_SEED, phantom_cases, phantom_keyring

    chosen = PHANTOM_SEED if seed is None else seed
    return _Source(phantom_cases(count, seed=chosen), count, phantom_keyring(), f"{count} phantom studies, seed {chosen}")


def _archive(folder: Path, secret_file: Path) -> _Source:
    from retrieval.archive import count_cases, read_cases
    from retrieval.errors import BadArchive
    from retrieval.keys import Keyring

    total = count_cases(folder)
    try:
        secret = secret_file.read_bytes().strip()
    except OSError as error:
        raise BadArchive("the file of the site secret cannot be read") from error
    keyring = Keyring(secret, secrets.token_bytes(16))
    return _Source(read_cases(folder, keyring), total, keyring, f"an archive of {total} lines")


@index.command()
@click.option("--image", type=click.Path(path_type=Path, dir_okay=False), help="PNG or JPEG to search by.")
@click.option("--text", help="Report text to search by.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="No case later than this day; default: today.")
@click.option("-k", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option("--modality", help="Only this DICOM Modality, e.g. DX.")
@click.option("--view", help="Only this View Position, e.g. PA.")
@click.option("--finding", "findings", multiple=True, help="What the present case shows, e.g. pleural_effusion; repeat for more.")
@LIBRARY
@ENCODER
@JSON
def search(image: Path | None, text: str | None, library: Path | None, encoder: EncoderName, form: str, **filters: Any) -> None:
    """Find similar cases by an image, a text, or both."""
    if image is None and not (text or "").strip():
        raise click.UsageError("give --image FILE, --text TEXT, or both")
    with refusals():
        result = _search(image, (text or "").strip() or None, _folder(library), encoder, filters)
    click.echo(json.dumps(_result(result), indent=2)) if form == "json" else _show_result(result)


def _search(image: Path | None, text: str | None, folder: Path, name: EncoderName, filters: dict[str, Any]) -> SearchResult:
    from retrieval.archive import read_image
    from retrieval.cards import Query
    from retrieval.keys import difference_hash
    from retrieval.library import open_library
    from sidenote.library import encoder_named

    encoder = encoder_named(name, load_settings().model_folder)
    opened = open_library(folder, encoder.fingerprint, last_good_instead=True)
    pixels = None if image is None else read_image(image)
    day = filters["as_of"] or datetime.now(UTC)
    try:
        return opened.search(
            Query(
                image=None if pixels is None else encoder.images([pixels])[0],
                text=None if text is None else encoder.texts([text])[0],
                as_of=date(day.year, day.month, day.day),
                k=filters["k"],
                image_hash=None if pixels is None else difference_hash(pixels),
                modality=filters["modality"],
                view=filters["view"],
                findings=frozenset(filters["findings"]),
            )
        )
    finally:
        opened.close()


@index.command()
@LIBRARY
@JSON
def info(library: Path | None, form: str) -> None:
    """Say what the library holds, what was left out, and how it was calibrated."""
    from retrieval.generations import current
    from retrieval.info import describe

    with refusals():
        found = describe(current(_folder(library)))
    click.echo(json.dumps(_info(found), indent=2)) if form == "json" else _show_info(found)


@index.command()
@LIBRARY
def verify(library: Path | None) -> None:
    """Check every byte of the library, and every card against its vector."""
    from retrieval.library import check

    with refusals():
        found = check(_folder(library))
    click.echo(f"whole: {found.cases} cases, generation {found.folder.name}, manifest {found.sha256}")


def _folder(library: Path | None) -> Path:
    return library or load_settings().library_folder


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """What to call with the number of cases seen so far: a bar with rate and time left, or a line each tenth where no terminal is."""
    from rich.console import Console

    console = Console(file=sys.stderr, highlight=False)
    if not console.is_terminal:
        yield _lines(total)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(TextColumn("indexing"), *columns, console=console) as bar:
        task = bar.add_task("indexing", total=total, rate="")

        def seen(count: int) -> None:
            speed = bar.tasks[0].speed or 0.0
            bar.update(task, completed=count, rate=f"{speed:.0f} cases/s" if speed else "")

        yield seen


def _lines(total: int) -> Callable[[int], None]:
    """Progress for a log: a line for each tenth of the cases."""
    started, told = time.monotonic(), 0

    def seen(count: int) -> None:
        nonlocal told
        if count * 10 // max(total, 1) > told:
            told = count * 10 // max(total, 1)
            rate = count / max(time.monotonic() - started, 0.01)
            click.echo(f"indexing {count}/{total}, {rate:.0f} cases/s, {max(total - count, 0) / rate:.0f} s left", err=True)

    return seen


def _info(info: IndexInfo) -> dict[str, Any]:
    return {**{name: getattr(info, name) for name in info.__dataclass_fields__}, "folder": info.folder.name, "skipped": dict(info.skipped)}


def _show_info(info: IndexInfo) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None)
    rate = f", built in {info.seconds:.1f} s ({info.cases / max(info.seconds, 0.01):.0f} cases/s)" if info.seconds is not None else ""
    table.add_row("library", f"{info.source}")
    table.add_row("cases", f"{info.cases} in {info.size / 1e6:.1f} MB{rate}")
    table.add_row("skipped", "; ".join(f"{count} x {reason}" for reason, count in info.skipped.items()) or "none")
    for reason, where in info.skipped_at:
        table.add_row("", f"{where}: {reason}")
    limits = ", ".join(f"{kind} {'too few cases' if limit is None else f'{limit:.2f}'}" for kind, limit in info.thresholds.items())
    table.add_row("comparable up to", f"{limits} (covers {info.coverage:.0%} of held-out cases)")
    table.add_row("generation", f"{info.folder.name}, manifest {info.sha256[:16]}, built {info.built_at}")
    Console(highlight=False).print(table)


def _result(result: SearchResult) -> dict[str, Any]:
    shown = {name: getattr(result, name) for name in result.__dataclass_fields__ if name != "neighbours"}
    return {**shown, "excluded": dict(result.excluded), "neighbours": [_neighbour(one) for one in result.neighbours]}


def _neighbour(neighbour: Any) -> dict[str, Any]:
    card = neighbour.card
    plain = {
        name: getattr(card, name) for name in ("key", "modality", "view", "age_band", "sex", "report", "licence", "consent", "outcome")
    }
    found = [{"key": finding.key, "side": finding.side} for finding in card.findings]
    return {
        "distance": neighbour.distance,
        "shared": neighbour.shared,
        "differs": neighbour.differs,
        "as_of": card.as_of.isoformat(),
        "findings": found,
        **plain,
    }


def _show_result(result: SearchResult) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if result.notice:
        console.print(f"[bold yellow]{result.notice}")
    console.print(f"[bold]{result.reason}[/] · searched {result.searched}, {result.plan} ({result.plan_reason})")
    table = Table("distance", "case", "findings", "shares", "differs")
    for one in result.neighbours:
        findings = ", ".join(f"{finding.key}{f' ({finding.side})' if finding.side else ''}" for finding in one.card.findings) or "none"
        table.add_row(
            f"{one.distance:.2f}", f"{one.card.key[:8]} {one.card.as_of}", findings, "; ".join(one.shared), "; ".join(one.differs)
        )
    if result.neighbours:
        console.print(table)
