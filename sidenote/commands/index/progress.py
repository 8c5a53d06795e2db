"""The progress of a build: a bar with rate and time left, or a line for each tenth where no terminal is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from rich.console import Console

    from retrieval.cards import Rejected, SourceCase

THOUSAND: Final = 1_000


@dataclass(slots=True)
class Course:
    """How far a command has come. Its rate counts from the first report: what an interrupted build had done already is no speed."""

    doing: str
    """What is done, e.g. `indexing`."""
    total: int | None
    """Of how many cases; None where nobody knows."""
    now: Callable[[], float] = time.monotonic
    read: int = 0
    ended: bool = False
    """Whether all cases are read."""
    left_out: int = 0
    done: int = 0
    _first: tuple[int, float] | None = field(default=None, init=False)

    def report(self, done: int) -> None:
        """So many cases are done."""
        self.done = done
        if self._first is None:
            self._first = done, self.now()

    def watched(self, cases: Iterable[SourceCase | Rejected], tell: Callable[[], None] = lambda: None) -> Iterator[SourceCase | Rejected]:
        """`cases`, counted as they are read; `tell` is called after each."""
        from retrieval.cards import Rejected

        for case in cases:
            self.read += 1
            self.left_out += isinstance(case, Rejected)
            tell()
            yield case
        self.ended = True

    @property
    def step(self) -> str:
        """What is done now: nothing but reading until the first batch is done, measuring behind the last."""
        if not self.done and self.read:
            return "reading"
        return "measuring" if self.ended and self.done >= self.read else self.doing

    @property
    def count(self) -> int:
        """Of cases, in the step that is done now."""
        return self.done or self.read

    @property
    def rate(self) -> float | None:
        """Cases a second; None before there are two reports."""
        if self._first is None or self.done <= self._first[0]:
            return None
        return (self.done - self._first[0]) / max(self.now() - self._first[1], 0.01)

    @property
    def seconds_left(self) -> float | None:
        """Until all are done; None where that is not known."""
        return None if self.total is None or self.rate is None else max(self.total - self.done, 0) / self.rate

    @property
    def words(self) -> str:
        """Rate, time left, and how many the source could not give, as far as each is known."""
        rate, left = self.rate, self.seconds_left
        parts = (
            "" if rate is None else f"{rate:,.0f} cases/s" if rate >= 10 else f"{rate:.1f} cases/s",
            "" if left is None or self.step == "measuring" else f"{_clock(left)} left",
            f"{self.left_out:,} left out" if self.left_out else "",
        )
        return ", ".join(part for part in parts if part)


def _clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any.

    >>> _clock(9), _clock(75), _clock(7_300)
    ('0:09', '1:15', '2:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a command tells its progress to."""

    course: Course
    _tell: Callable[[], None]

    def __call__(self, done: int) -> None:
        """So many cases are done."""
        self.course.report(done)
        self._tell()

    def watched(self, cases: Iterable[SourceCase | Rejected]) -> Iterator[SourceCase | Rejected]:
        """`cases`, seen as they are read: an interrupted build reads again what it holds, before it does anything new."""
        return self.course.watched(cases, self._tell)


@contextmanager
def progress(total: int | None, doing: str = "indexing") -> Iterator[Seen]:
    """What to tell the number of cases done so far. `total` is None where nobody knows how many there are."""
    from rich.console import Console

    console, course = Console(file=sys.stderr, highlight=False), Course(doing, total)
    if not console.is_terminal:
        yield Seen(course, _lines(course))
        return
    with _bar(course, console) as tell:
        yield Seen(course, tell)


@contextmanager
def _bar(course: Course, console: Console) -> Iterator[Callable[[], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:9}"),
        BarColumn(None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(course.doing, total=course.total, words="")

        def tell() -> None:
            bar.update(task, completed=course.count, description=course.step, words=course.words)

        yield tell


def _lines(course: Course) -> Callable[[], None]:
    """Progress for a log: a line for each tenth of the cases, or each thousand where their number is not known."""
    total, told = course.total, ("", 0)
    tenth = max(total // 10, 1) if total else THOUSAND

    def tell() -> None:
        nonlocal told
        step = course.step
        now = step, course.count // (max(tenth, THOUSAND) if step == "reading" else tenth)
        if now == told or not (now[1] or step == "measuring"):
            return
        told = now
        count = f"{step} {course.count:,}" + (f"/{total:,}" if total else "")
        click.echo(", ".join(part for part in (count, course.words) if part), err=True)

    return tell
