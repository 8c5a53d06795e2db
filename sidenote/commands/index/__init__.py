"""`sidenote index`: builds, grows, searches and verifies the library of past cases."""

from __future__ import annotations

import click

from sidenote.commands.index.building import add, build
from sidenote.commands.index.changing import compact, release, remove
from sidenote.commands.index.publishing import publish
from sidenote.commands.index.searching import search
from sidenote.commands.index.showing import info, verify
from sidenote.commands.index.signing import sign


@click.group()
def index() -> None:
    """Build, grow, search and verify the library of past cases."""


for _command in (build, add, remove, release, compact, search, info, verify, sign, publish):
    index.add_command(_command)
