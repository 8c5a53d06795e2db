"""`sidenote demo`: the pretend hospital with Sidenote beside its charts, or everybody in it reviewed as pages."""

from __future__ import annotations

import asyncio
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidenote.errors import SettingsInvalid, writing
from sidenote.problems import refusals

if TYPE_CHECKING:
    import socket

    from rich.console import Console

    from sandbox.patients.story import Story
    from sidenote.demo import DemoFolders, Told
    from sidenote.settings import Settings

NOT_AS_EXPECTED = 1
"""Exit code: a story ended otherwise than it must."""
USUAL_PORT = 8400
HOST = "127.0.0.1"
LOG = "log.jsonl"
"""In the demo's home: what the server logs, without a word of a patient."""


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("sidenote-demo"), show_default=True)
@click.option("--cases", type=click.IntRange(0, 100_000), default=None, help="Size of the case library; default 2,000.")
@click.option("--port", type=click.IntRange(0, 65_535), default=None, help="Port on this machine; default 8400, or a free one.")
@click.option("--open", "open_browser", is_flag=True, help="Open it in the browser.")
@click.option("--pages", type=click.Path(path_type=Path, file_okay=False), default=None, help="Serve nothing: review all, as pages here.")
@click.option("--check", is_flag=True, help="Launch and review once over HTTP, say how long it took, and stop.")
def demo(out: Path, cases: int | None, port: int | None, open_browser: bool, pages: Path | None, check: bool) -> None:
    """Open the pretend hospital, with Sidenote beside every chart: no account, no GPU, no network. Ctrl-C ends it."""
    from rich.console import Console

    console = Console()
    with refusals("demo"), writing():
        from sidenote.demo import LIBRARY_CASES, DemoFolders
        from sidenote.settings import Settings

        folders = DemoFolders(out.resolve(), pages.resolve() if pages else None)
        console.print("[bold]Sidenote[/] in a pretend hospital. Nobody in it is real; the radiographs are drawn.\n")
        _library(Settings(home=folders.home), LIBRARY_CASES if cases is None else cases, console)
        if pages is None:
            sys.exit(_served(folders, _listener(port), console, open_browser=open_browser, check=check))
        sys.exit(_pages(folders, console, open_browser=open_browser))


def _library(settings: Settings, cases: int, console: Console) -> None:
    """Build the case library unless the one there is whole and of this model."""
    from sidenote.commands.index.building import build_phantom_library
    from sidenote.library import library_is_current

    if not cases or library_is_current(settings, cases):
        return
    console.print(f"Building a library of {cases:,} phantom studies to compare with (once).")
    build_phantom_library(settings, cases)


def _listener(port: int | None) -> socket.socket:
    """The asked port, else the usual one, else a free one.

    Raises:
        SettingsInvalid: the asked one cannot be had.
    """
    from sidenote.web.listening import bound

    try:
        listener = bound(HOST, USUAL_PORT if port is None else port)
    except OSError as error:
        if port is not None:
            raise SettingsInvalid(f"port: cannot listen there: {error.strerror or type(error).__name__}") from error
        return bound(HOST, 0)
    return listener


def _served(folders: DemoFolders, listener: socket.socket, console: Console, *, open_browser: bool, check: bool) -> int:
    from sidenote.demo_files import hospital_files
    from sidenote.telemetry.logs import installed

    origin = f"http://{HOST}:{listener.getsockname()[1]}"
    with listener:
        with console.status("Admitting patients"):
            told = hospital_files(folders.hospital)
        folders.home.mkdir(parents=True, exist_ok=True)
        with (folders.home / LOG).open("a", encoding="utf-8") as log, installed(log):
            return asyncio.run(_serve(folders, told, listener, origin, console, open_browser=open_browser, check=check))


async def _serve(
    folders: DemoFolders,
    told: tuple[Story, ...],
    listener: socket.socket,
    origin: str,
    console: Console,
    *,
    open_browser: bool,
    check: bool,
) -> int:
    from sidenote.demo_server import demo_app, demo_settings
    from sidenote.web.listening import Listening

    async with demo_app(demo_settings(folders.home, origin), told, folders.hospital, origin) as ready:
        server = Listening(ready.app, ready.parts.sessions.aclose)
        if not check:
            console.print(f"Open [link={origin}/]{origin}/[/link] (Ctrl-C ends it)", soft_wrap=True)
            if open_browser:
                webbrowser.open(f"{origin}/")
            await server.serve(sockets=[listener])
            return 0
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            return await _checked(told[0], origin, console, exact=ready.parts.image_model)
        finally:
            server.should_exit = True
            await serving


async def _checked(story: Story, origin: str, console: Console, *, exact: bool) -> int:
    """Exit code of one journey; without an image model a story may end otherwise than it is told."""
    from sidenote.demo_check import journey

    went = await journey(origin, story.person.id)
    console.print(
        f"{story.title}: {went.status.replace('_', ' ')}. Session after {went.session:.2f} s, "
        f"first content after {went.first_content:.2f} s, review after {went.finished:.2f} s."
    )
    return NOT_AS_EXPECTED if exact and went.status != story.expected.status else 0


def _pages(folders: DemoFolders, console: Console, *, open_browser: bool) -> int:
    from sidenote.demo import write_overview
    from sidenote.settings import Settings

    told = asyncio.run(_reviews(folders, Settings(home=folders.home), console))
    listed = write_overview(folders, told)
    _table(console, told)
    console.print(f"\nPages: [link={listed.as_uri()}]{listed.as_uri()}[/link]", soft_wrap=True)
    if open_browser:
        webbrowser.open(listed.as_uri())
    return 0 if all(item.as_expected for item in told) else NOT_AS_EXPECTED


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
