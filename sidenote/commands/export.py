"""`sidenote export`: a server's bulk export into a folder that `review` and `batch` read."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from sidenote.commands.review import AsOf
from sidenote.problems import refusals
from sidenote.servers import access_of
from sidenote.settings import load_settings

if TYPE_CHECKING:
    from fhir.bulk.export import Progress
    from fhir.bulk.request import ExportRequest, Level
    from fhir.bulk.state import ExportState

MOST_NAMED = 20
"""Missing patients and bad lines that are shown; `export.json` has all."""


@click.command()
@click.option("--fhir", "base", required=True, metavar="URL", help="Base URL of the FHIR server.")
@click.option("--out", "folder", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the export.")
@click.option("--group", metavar="ID", help="Export the patients of this Group.")
@click.option("--patients", is_flag=True, help="Export all patients.")
@click.option("--system", is_flag=True, help="Export everything the server has.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only this resource type, and Patient; repeatable.")
@click.option("--since", type=AsOf(), help="Only what changed since; default: since the last run into the same folder.")
@click.option("--full", is_flag=True, help="Everything anew, even where the folder holds an earlier run.")
@click.option(
    "--file-host",
    "file_hosts",
    multiple=True,
    metavar="URL",
    help="A further host of files, which never sees the token; repeatable.",
)
def export(
    base: str,
    folder: Path,
    group: str | None,
    patients: bool,
    system: bool,
    types: tuple[str, ...],
    since: datetime | None,
    full: bool,
    file_hosts: tuple[str, ...],
) -> None:
    """Export many patients at once (Bulk Data Access) into a folder that `review --fhir` and `batch run --fhir` read.

    A second run into the same folder asks only for what changed. Ctrl-C takes the export off the server and leaves the folder as it
    was. Exit code 0: everything came; 2: usage; 3: refused, or something that was asked for is missing.
    """
    if (group is not None) + patients + system != 1:
        raise click.UsageError("say whom to export: one of --group, --patients and --system")
    if "?" in base or "#" in base:
        raise click.UsageError("--fhir is no base URL")
    with refusals(group or folder.name):
        from fhir.bulk.request import ExportRequest
        from fhir.errors import ExportIncomplete

        wanted = tuple(dict.fromkeys(("Patient", *types))) if types else ()
        request = ExportRequest(_level(group, patients), group, wanted, since.isoformat() if since else None)
        state = _run(_Job(base, file_hosts, request, folder, full))
        click.echo("\n".join(summary(state, folder)))
        if not state.complete:
            raise ExportIncomplete("something that was asked for did not come: export.json in the folder says what")


def _level(group: str | None, patients: bool) -> Level:
    if group is not None:
        return "group"
    return "patients" if patients else "system"


@dataclass(frozen=True, slots=True)
class _Job:
    """What the command line asks for."""

    base: str
    file_hosts: tuple[str, ...]
    request: ExportRequest
    folder: Path
    full: bool


def _run(job: _Job) -> ExportState:
    from sidenote.errors import writing

    with _progress() as on_progress, writing():
        try:
            return asyncio.run(_perform(job, on_progress))
        except asyncio.CancelledError:
            raise click.Abort from None


async def _perform(job: _Job, on_progress: Callable[[Progress], None]) -> ExportState:
    """Export; a service manager's SIGTERM ends it as Ctrl-C does: the server is told, the folder is left as it was."""
    from fhir.bulk.export import Course
    from fhir.bulk.export import export as run_export
    from fhir.wire.origins import origins
    from fhir.wire.wire import Wire

    access = access_of(load_settings().server, job.base)
    allowed = origins(job.base, plain=job.file_hosts)
    wire = Wire(allowed, authorization=access.authorization, limits=access.limits, tls=access.tls)
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is not None:
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await run_export(wire, job.base, job.request, job.folder, course=Course(full=job.full), on_progress=on_progress)
    finally:
        await wire.aclose()
        if access.authorization is not None:
            await access.authorization.aclose()


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda progress: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("asking for the export", total=None)
        yield lambda now: bar.update(task, description=told(now), completed=now.files, total=now.of or None)


def told(now: Progress) -> str:
    """How far an export is, in words."""
    if now.stage == "waiting":
        return "the server prepares the files" + (f": {now.word}" if now.word else "")
    return f"fetching files: {now.lines:,} resources"


def summary(state: ExportState, folder: Path) -> Iterator[str]:
    """What an export left, in lines of text: what came, then everything that is missing."""
    lines = sum(int(file["lines"]) for file in state.files if file["resource_type"] != "Bundle")
    yield f"{lines:,} resources came, {state.deleted:,} are gone; the folder holds the record as of {state.transaction_time}"
    yield from _listed("patients that did not come", state.missing)
    if state.members is None and state.request["level"] == "group":
        yield "who is in the group is not known: whether everybody came cannot be told"
    yield from (f"{name}: {how}" for name, how in sorted(state.states.items()) if how != "complete")
    yield from (f"{file['name']}: {file['problem']}" for file in state.files if file["problem"])
    bad = [f"{file['name']} line {line['line']}: {line['code']}" for file in state.files for line in file["bad"]]
    yield from _listed("lines that were left out", bad)
    yield from (f"the server reported {severity}, {code}: {count:,} times" for severity, code, count in state.issues)
    yield f"review them: sidenote batch run {quote(str(folder / 'cohort.txt'))} --fhir {quote(str(folder))} --out RUN"


def _listed(what: str, names: tuple[str, ...] | list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        yield f"{what}: {', '.join(names[:MOST_NAMED])}{more}"
