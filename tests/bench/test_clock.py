"""Timing in turns, and functions run in a child."""

from __future__ import annotations

import os
from subprocess import CalledProcessError

import pytest

from bench.children import in_child
from bench.clock import alternate
from bench.memory import _peak


@pytest.fixture(autouse=True)
def _nothing_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """To walk through what a worker of the suite holds takes three seconds a time, and collecting is not what is tested."""
    monkeypatch.setattr("bench.clock.gc.collect", lambda: 0)


def test_the_sides_take_turns_and_the_first_round_is_not_counted() -> None:
    called: list[str] = []
    times = alternate(2, {"a": lambda: called.append("a"), "b": lambda: called.append("b")})
    assert called == ["a", "b"] * 3
    assert {len(figure.samples) for figure in times.values()} == {2}


def test_figures_are_per_thing() -> None:
    ticks = iter(range(0, 1000, 10))
    assert alternate(3, {"a": lambda: None}, clock=lambda: next(ticks), per=5)["a"].samples == (2.0, 2.0, 2.0)


def test_a_child_does_not_inherit_this_process_memory() -> None:
    ballast = bytearray(os.urandom(1)) * 200_000_000
    assert in_child(_peak) < 150 < _peak()
    assert len(ballast) == 200_000_000


def test_a_failing_child_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CalledProcessError):
        in_child(_peak, "an argument it does not take")
    assert "TypeError" in capfd.readouterr().err
