"""The command line. Commands are imported when they are called, so that `sidenote --help` answers at once."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from sidenote import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("sidenote.commands.demo", "Open the pretend hospital with Sidenote beside its charts: no account, no GPU, no network."),
    "review": ("sidenote.commands.review", "Review one patient and one study."),
    "serve": ("sidenote.commands.serve", "Serve the sidebar to the EHRs that may launch it."),
    "batch": ("sidenote.commands.batch", "Review many patients; resumes where it was stopped."),
    "export": ("sidenote.commands.export", "Fetch many patients from a server at once, into a folder."),
    "index": ("sidenote.commands.index", "Build, search and verify the library of past cases."),
    "model": ("sidenote.commands.model", "List, check, train and explain the image models."),
    "eval": ("sidenote.commands.eval", "Measure how good the parts are, beside simple baselines."),
    "policies": ("sidenote.commands.policies", "List, show, test and compare the guardrail policies."),
    "record": ("sidenote.commands.record", "Show, verify and replay flight records."),
    "audit": ("sidenote.commands.audit", "Verify and show who read, decided and wrote what."),
    "doctor": ("sidenote.commands.doctor", "Say what is configured, what was chosen and why, and what is missing."),
}
"""Command -> (module that defines a click command of the same name, what it does), in the order shown."""


class Table(click.Group):
    """A group whose sub-commands stand in `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command that is called, and no other."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table: importing them all would load every heavy library."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Table, epilog="Research software, not a medical device. It never orders, signs or sends anything by itself.")
@click.version_option(__version__, prog_name="sidenote")
def cli() -> None:
    """Clinical decision support beside the chart: grounded, cited, passed by policies a hospital can read."""


def main() -> None:
    """Entry point of the console script. Exit codes: 0 done, 2 usage, 3 input refused, 4 withheld by policy."""
    from sidenote.problems import defects, refusals

    with refusals(), defects():
        sys.exit(cli(prog_name="sidenote", standalone_mode=True))
