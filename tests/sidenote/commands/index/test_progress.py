"""Progress where no terminal is: a line for each tenth, or for each thousand."""

from __future__ import annotations

import pytest

from sidenote.commands.index.progress import progress


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
