"""`sidenote doctor`: what is configured, what was chosen and why, and what is missing."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from sidenote.problems import refusals
from sidenote.settings import load_settings

if TYPE_CHECKING:
    from sidenote.doctor import Finding
    from sidenote.settings import Settings

SOMETHING_MISSING = 1
"""Exit code: a part that a review needs is missing."""


@click.command()
@click.option(
    "--fhir", "base", metavar="URL", help="Look at this FHIR server instead: what it can do, what it will be asked, what is missing."
)
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)
def doctor(base: str | None, form: str) -> None:
    """Say what is configured, what was chosen and why, and what is missing. Exit code 1: something is missing."""
    with refusals():
        findings = _examined(load_settings(), base)
    if form == "json":
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    if any(finding.state == "missing" for finding in findings):
        sys.exit(SOMETHING_MISSING)


def _examined(settings: Settings, base: str | None) -> tuple[Finding, ...]:
    if base is None:
        from sidenote.doctor import examine

        return examine(settings)
    import asyncio

    from sidenote.server_check import examine_server

    return asyncio.run(examine_server(settings, base))


def _show(findings: tuple[Finding, ...]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {"ok": "green", "note": "yellow", "missing": "red"}
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in findings:
        # no markup: a path or a server's name may hold brackets
        table.add_row(Text(finding.state, styles[finding.state]), finding.name, Text(finding.value, "bold"), Text(finding.reason, "dim"))
    Console().print(table)
