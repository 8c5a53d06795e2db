"""The live line says which step runs, on stderr alone."""

from __future__ import annotations

import re

import pytest

from agent.graph import STEPS
from sidenote.commands import review
from sidenote.render.progress import STEP_WORDS, step_progress


@pytest.fixture(autouse=True)
def _a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)


def last_line(written: str) -> str:
    """What stood there last, without the terminal's control sequences."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    return [line.strip() for line in re.split(r"[\r\n]+", plain) if line.strip()][-1]


def test_every_step_of_the_graph_has_its_words_and_counts_to_the_end() -> None:
    assert list(STEP_WORDS) == [name for name, _, _ in STEPS]
    assert len(STEPS) == review._STEPS


@pytest.mark.parametrize(
    ("events", "words", "count"),
    [
        ([], "loading", "0/11"),
        ([("bind", "start")], "binding the patient", "0/11"),
        ([("bind", "start"), ("bind", "done"), ("chart", "start"), ("study", "start")], "fetching the study", "1/11"),
        ([(name, event) for name in STEP_WORDS for event in ("start", "done")], "sealing the flight record", "11/11"),
        ([("a new step", "start")], "a new step", "0/11"),
        ([("bind", "start"), ("bind", "paused")], "binding the patient", "0/11"),
    ],
    ids=["before the first", "one began", "two side by side", "all", "one without words", "an event it does not know"],
)
def test_shows_the_step_that_began_last_and_how_many_are_done(
    events: list[tuple[str, str]], words: str, count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with step_progress(11) as listen:
        for step, event in events:
            listen(step, event)
    written = capsys.readouterr()
    assert written.out == ""
    assert words in last_line(written.err)
    assert count in last_line(written.err)
