"""The progress of a build: a bar with rate and time left, or a line for each tenth where no terminal is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def progress(total: int | None) -> Iterator[Callable[[int], None]]:
    """What to call with the number of cases seen so far. `total` is None where nobody knows how many there are."""
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


THOUSAND = 1_000


def _lines(total: int | None) -> Callable[[int], None]:
    """Progress for a log: a line for each tenth of the cases, or each thousand where their number is not known."""
    step = max(total // 10, 1) if total else THOUSAND
    started, told = time.monotonic(), 0

    def seen(count: int) -> None:
        nonlocal told
        if count // step > told:
            told = count // step
            rate = count / max(time.monotonic() - started, 0.01)
            rest = f"/{total}, {rate:.0f} cases/s, {max(total - count, 0) / rate:.0f} s left" if total else f", {rate:.0f} cases/s"
            click.echo(f"indexing {count}{rest}", err=True)

    return seen
