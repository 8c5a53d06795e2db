"""A live line on stderr that says which step of a review runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

STEP_WORDS = {
    "bind": "binding the patient",
    "chart": "reading the chart",
    "study": "fetching the study",
    "read": "reading the image",
    "retrieve": "looking for similar cases",
    "gather": "gathering evidence",
    "draft": "drafting statements",
    "ground": "checking each against its evidence",
    "guard": "asking the policies",
    "present": "arranging the review",
    "record": "sealing the flight record",
}


@contextmanager
def step_progress(steps: int) -> Iterator[Callable[[str, str], None]]:
    """Show the running step; yields the listener to hand to the review."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("loading", total=steps)

        def listen(step: str, event: str) -> None:
            if event == "start":
                progress.update(task, description=f"{STEP_WORDS.get(step, step):36}")
            elif event == "done":
                progress.advance(task)

        yield listen
