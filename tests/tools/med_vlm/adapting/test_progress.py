"""The rate and the time that is left."""

from __future__ import annotations

from tools.med_vlm.adapting.progress import Pace, Progress, silent


def test_nothing_is_known_before_the_first_step() -> None:
    assert Pace(5, 10).at(5) == (0.0, None)


def test_only_this_sitting_counts() -> None:
    times = iter([100.0, 104.0])
    pace = Pace(10, 30, lambda: next(times))
    assert pace.at(12, each=8) == (4.0, 36.0)  # two steps of eight in four seconds, eighteen to go


def test_at_the_end_nothing_is_left() -> None:
    times = iter([0.0, 2.0])
    assert Pace(0, 4, lambda: next(times)).at(4) == (2.0, 0.0)


def test_nobody_need_listen() -> None:
    silent(Progress("images", 1, 2, 0.0, None))
