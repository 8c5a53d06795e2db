"""`sidenote demo`: the pretend hospital, reviewed."""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidenote.errors import writing
from sidenote.problems import refusals

if TYPE_CHECKING:
    from rich.console import Console

    from sidenote.demo import DemoFolders, Told
    from sidenote.settings import Settings

NOT_AS_EXPECTED = 1
"""Exit code: a story ended otherwise than it must."""


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("sidenote-demo"), show_default=True)
@click.option("--cases", type=click.IntRange(0, 100_000), default=None, help="Size of the case library; default 2,000.")
@click.option("--open", "open_browser", is_flag=True, help="Open the list of reviews in the browser.")
def demo(out: Path, cases: int | None, open_browser: bool) -> None:
    """Review the pretend hospital: no account, no GPU, no network."""
    from rich.console import Console

    console = Console()
    with refusals("demo"), writing():
        from sidenote.demo import LIBRARY_CASES, DemoFolders, write_overview
        from sidenote.settings import Settings

        folders = DemoFolders(out.resolve())
        settings = Settings(home=folders.home)
        console.print("[bold]Sidenote[/] reviews a pretend hospital. Nobody in it is real; the radiographs are drawn.\n")
        _library(settings, LIBRARY_CASES if cases is None else cases, console)
        told = asyncio.run(_reviews(folders, settings, console))
        listed = write_overview(folders, told)
    _table(console, told)
    console.print(f"\nPages: [link={listed.as_uri()}]{listed.as_uri()}[/link]", soft_wrap=True)
    if open_browser:
        webbrowser.open(listed.as_uri())
    if not all(item.as_expected for item in told):
        sys.exit(NOT_AS_EXPECTED)


def _library(settings: Settings, cases: int, console: Console) -> None:
    """Build the case library unless the one there is whole and of this model."""
    from sidenote.commands.index import build_phantom_library
    from sidenote.library import library_is_current

    if not cases or library_is_current(settings, cases):
        return
    console.print(f"Building a library of {cases:,} phantom studies to compare with (once).")
    build_phantom_library(settings, cases)


async def _reviews(folders: DemoFolders, settings: Settings, console: Console) -> list[Told]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from sandbox.patients.hospital import STORIES
    from sidenote.demo import tell

    told: list[Told] = []
    columns = (TextColumn("{task.description:44}"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("admitting patients", total=len(STORIES))
        async for item in tell(folders, settings):
            told.append(item)
            progress.update(task, advance=1, description=item.story.title[:44])
    return told


def _table(console: Console, told: list[Told]) -> None:
    from rich.table import Table

    from sidenote.render.layout import STATUS_STYLES, plain_status

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("patient", "story", "ended as", "what fired", ""):
        table.add_column(heading)
    for item in told:
        review = item.finished.review
        style = STATUS_STYLES[review.status]
        mark = "" if item.as_expected else "[red]not as expected[/]"
        fired = " ".join(sorted(item.fired)) or "–"
        table.add_row(item.story.person.id, item.story.title, f"[{style}]{plain_status(review)}[/]", fired, mark)
    console.print(table)
