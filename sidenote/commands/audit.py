"""`sidenote audit verify|show`: whether the audit is untouched, and what it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sidenote.audit.chain import Head
    from sidenote.audit.reading import Kept

CHANGED = 3
"""Exit code: the audit does not verify."""
EMERGENCY = "EMERGENCY"
"""Before each row of a session that broke the glass."""
NOTICE = "What follows is PHI: who looked at whose chart, and what was searched for."

_store = click.option(
    "--store", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Database of the audit; default: the configured one."
)


@click.group()
def audit() -> None:
    """Verify and show who read, asked, decided and wrote what."""


def _heads(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Head, ...]:
    """Heads as `verify` prints them."""
    from sidenote.audit.chain import Head

    parts = [value.partition(":") for value in values]
    if not all(number.isdecimal() and len(digest) == 64 for number, _, digest in parts):
        raise click.BadParameter("no head as `sidenote audit verify` prints it")
    return tuple(Head(int(number), digest) for number, _, digest in parts)


@audit.command()
@_store
@click.option(
    "--head", "heads", callback=_heads, multiple=True, metavar="NUMBER:HASH", help="A head that was kept elsewhere; may be given again."
)
def verify(store: Path | None, heads: tuple[Head, ...]) -> None:
    """Walk the whole chain and name the first row that was changed or taken away.

    Keep the head it prints in another place: whoever can change the database and the note beside it cannot change that.
    """
    from sidenote.audit.verify import verify as check
    from sidenote.problems import refusals

    with refusals():
        found = check(_path(store), *heads)
    if not found.whole:
        click.echo(f"CHANGED  row {found.broken} {found.reason}")
        sys.exit(CHANGED)
    click.echo(f"whole    {found.rows} rows, head {found.head.seq}:{found.head.sha256}")


@audit.command()
@_store
@click.option("--patient", default=None, help="Only of this patient (its id).")
@click.option("--session", default=None, help="Only of this session (its id, as in the logs).")
@click.option("--review", default=None, help="Only of this review.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many rows at most.")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True, help="json: AuditEvents.")
def show(store: Path | None, patient: str | None, session: str | None, review: str | None, limit: int, form: str) -> None:
    """Show rows, newest first. They hold PHI; as JSON they are R4 AuditEvents, one a line."""
    from sidenote.audit.reading import newest
    from sidenote.problems import refusals

    with refusals():
        rows = newest(_path(store), limit, patient=patient, session=session, review=review)
    click.echo(NOTICE, err=True)
    (_print_json if form == "json" else _print_table)(rows)


def _path(store: Path | None) -> Path:
    from sidenote.settings import load_settings

    return store if store is not None else load_settings().store_file


def _print_json(rows: tuple[Kept, ...]) -> None:
    from fhir.jsontext import dumps
    from sidenote.audit.resource import as_resource

    for kept in rows:
        click.echo(dumps(as_resource(kept.row, kept.sha256)))


def _print_table(rows: tuple[Kept, ...]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("row", "when", box=None, header_style="dim")
    for name in ("what", "how it ended", "about", "patient", "user", "session", "EHR"):
        table.add_column(name, overflow="fold")
    table.columns[1].no_wrap = True
    table.columns[2].min_width = len(EMERGENCY)
    for kept in rows:
        row = kept.row
        what = f"{EMERGENCY if row.who.emergency else ''} {row.event} {row.interaction}".strip()
        about = " ".join(f"by {one.detail}" if one.role == "query" else one.value for one in row.entities)
        ended = {"0": "done", "4": "refused", "8": "failed"}[row.outcome]
        cells = (what, f"{ended} {row.code}".strip(), about, row.who.patient, row.who.user, row.who.session, row.who.ehr)
        style = "bold red" if row.who.emergency else None
        table.add_row(str(kept.seq), row.recorded[:19], *(Text(_visible(cell)) for cell in cells), style=style)
    Console().print(table)


def _visible(text: str) -> str:
    """Without what a terminal would obey: part of it is an EHR's text."""
    return "".join(character if character.isprintable() else "·" for character in text)
