"""`sidenote batch`: run, resume, status, report."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sidenote.commands.review import AS_OF, FHIR
from sidenote.problems import refusals
from sidenote.settings import load_settings

if TYPE_CHECKING:
    from sidenote.batch.ledger import Ledger
    from sidenote.batch.worker import Job

WORKERS = click.option("--workers", type=click.IntRange(1, 64), default=lambda: os.cpu_count() or 1, show_default="one a core")
FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def batch() -> None:
    """Review many patients; resumes where it was stopped."""


@batch.command()
@click.argument("cohort", type=click.Path(path_type=Path, dir_okay=False))
@FHIR
@click.option("--out", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the run.")
@AS_OF
@WORKERS
@click.option("--no-image-model", is_flag=True, help="Rest on the records alone; no image is read.")
def run(cohort: Path, sources: tuple[str, ...], folder: Path, as_of: datetime | None, workers: int, no_image_model: bool) -> None:
    """Review every patient of COHORT: a text file of ids, a CSV with a column `patient`, or JSONL."""
    from sidenote.batch.cohort import read_cohort
    from sidenote.batch.ledger import create_ledger
    from sidenote.wiring import check_parts

    with refusals(cohort.name):
        cases = read_cohort(cohort)
        asyncio.run(check_parts(load_settings(), sources, image_model=not no_image_model))
        moment = as_of or datetime.now(UTC)
        options = {"sources": [_absolute(source) for source in sources], "as_of": moment.isoformat(), "image_model": not no_image_model}
        with create_ledger(folder, cases, options) as ledger:
            _work(ledger, folder, workers)


@batch.command()
@FOLDER
@WORKERS
def resume(folder: Path, workers: int) -> None:
    """Go on with the run in FOLDER: cases that have a result are not touched."""
    from sidenote.batch.ledger import open_ledger

    with refusals(folder.name), open_ledger(folder) as ledger:
        _work(ledger, folder, workers)


@batch.command()
@FOLDER
def status(folder: Path) -> None:
    """Say how far the run in FOLDER is, as JSON."""
    from sidenote.batch.ledger import open_ledger

    with refusals(folder.name), open_ledger(folder) as ledger:
        progress = ledger.progress
        click.echo(json.dumps({"cases": progress.total, "finished": progress.finished, "open": progress.total - progress.finished}))


@batch.command()
@FOLDER
def report(folder: Path) -> None:
    """Show the results of the run in FOLDER as a table."""
    from sidenote.batch.ledger import open_ledger

    with refusals(folder.name), open_ledger(folder) as ledger:
        _report(ledger)


def _work(ledger: Ledger, folder: Path, workers: int) -> None:
    from sidenote.batch.run import run as run_batch

    with _progress(ledger) as on_result:
        run_batch(ledger, _job(ledger, folder), workers, on_result)
    _report(ledger)


def _job(ledger: Ledger, folder: Path) -> Job:
    from sidenote.batch.worker import Job

    options = ledger.options
    moment = datetime.fromisoformat(options["as_of"])
    return Job(tuple(options["sources"]), moment, options["image_model"], folder.resolve(), load_settings())


def _absolute(source: str) -> str:
    """A run may be resumed from another folder."""
    return source if "://" in source else str(Path(source).resolve())


@contextmanager
def _progress(ledger: Ledger) -> Iterator[Callable[[dict[str, Any]], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("reviewing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    done = ledger.progress
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=done.total, completed=done.finished)
        yield lambda _: bar.advance(task)


def _report(ledger: Ledger) -> None:
    from rich.console import Console

    from sidenote.batch.summary import summary

    Console().print(summary(tuple(ledger.results())))
