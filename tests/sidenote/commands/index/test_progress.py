"""Progress of a build: rate and time left from the first report on, what was left out, and which step is done now."""

from __future__ import annotations

import pytest

from retrieval.cards import Rejected
from sidenote.commands.index.progress import Course, progress


@pytest.mark.parametrize(
    ("total", "steps", "lines"), [(100, range(0, 101, 5), 10), (3, range(4), 3), (None, range(0, 3_001, 500), 3), (0, [0], 0)]
)
def test_a_line_comes_with_each_step(capsys: pytest.CaptureFixture[str], total: int | None, steps: range, lines: int) -> None:
    with progress(total) as seen:
        for step in steps:
            seen(step)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == lines
    assert all("cases/s" in line for line in told)
    assert all(("left" in line) is bool(total) for line in told)


class Clock:
    """Stands still until it is called with seconds."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self, seconds: float) -> None:
        self.at += seconds

    def now(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_an_interrupted_build_had_done_counts_as_no_speed(clock: Clock) -> None:
    course = Course("indexing", 5_000, clock.now)
    clock(20)
    course.report(4_064)
    assert course.words == ""
    clock(10)
    course.report(4_164)
    assert course.rate == 10
    assert course.seconds_left == pytest.approx(83.6)
    assert course.words == "10 cases/s, 1:24 left"


def test_reading_comes_before_the_first_batch_and_measuring_behind_the_last(clock: Clock) -> None:
    course = Course("indexing", 3, clock.now)
    cases = course.watched([Rejected("not a case", f"line {number}") for number in range(3)])
    steps = [course.step]
    for _ in cases:
        steps.append(course.step)
    course.report(2)
    steps.append(course.step)
    course.report(3)
    assert [*steps, course.step] == ["indexing", "reading", "reading", "reading", "indexing", "measuring"]
    assert course.words.endswith(", 3 left out")


def test_a_log_says_when_a_great_archive_is_read_again_and_when_measuring_begins(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(2_000) as seen:
        for number, _ in enumerate(seen.watched(iter([Rejected("not a case", "line 1")] * 2_000)), start=1):
            if number == 1_500:
                seen(1_400)
        seen(2_000)
    told = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in told][:2] == ["reading 1", "indexing 1"]
    assert told[0] == "reading 1,000/2,000, 1,000 left out"
    assert told[-1].startswith("measuring 2,000/2,000, ")
    assert told[-1].endswith("2,000 left out")
    assert len(told) == 3
