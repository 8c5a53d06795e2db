"""Each floor is missed by itself, and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evaluation.abstention import Covered
from evaluation.findings import COMMONEST, NEAREST, RANDOM, SHOWN, Ranked
from evaluation.gates import missed
from evaluation.intervals import NOTHING, Figure
from evaluation.leaks import Leaks
from evaluation.retrieval import RetrievalStudy, SetStudy


def _figure(value: float, half: float = 0.05) -> Figure:
    return Figure(value, value - half, value + half, 100, 100)


def _way(name: str, lead: float) -> Ranked:
    return Ranked(name, _figure(0.9), _figure(0.9), _figure(lead), _figure(1))


@pytest.fixture
def good() -> SetStudy:
    """A set on which every floor holds."""
    return SetStudy(
        name="phantoms",
        words="made up",
        library=400,
        queries=100,
        persons=100,
        skipped=0,
        image_weight=0.5,
        image_weight_reason="fitted",
        held_to_rank=True,
        ranked=(_way(SHOWN, 0.5), *(_way(name, 0.6) for name in NEAREST.values()), _way(RANDOM, 0.0), _way(COMMONEST, -0.2)),
        known_items=(),
        covered=(Covered("image", _figure(0.95), 0.95, 0.2),),
        refused=(),
        leaks=Leaks(100, 2_000, (), (("same person", 100),)),
        left_out=(),
    )


def _missed(one: SetStudy) -> tuple[str, ...]:
    return missed(RetrievalStudy("compact", "0" * 64, 100, (one,), None))


def test_nothing_is_missed_where_all_holds(good: SetStudy) -> None:
    assert _missed(good) == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"leaks": Leaks(100, 2_000, (("same person", 1),), ())}, "same person"),
        ({"covered": (Covered("image", _figure(0.85), 0.95, 0.2),)}, "comparable by image"),
        ({"ranked": (_way(SHOWN, 0.04),)}, SHOWN),
        ({"ranked": (_way(NEAREST["fused"], -0.1),)}, NEAREST["fused"]),
        ({"ranked": (Ranked(SHOWN, NOTHING, NOTHING, NOTHING, NOTHING),)}, SHOWN),
    ],
)
def test_each_floor_is_missed_by_itself(good: SetStudy, changes: dict[str, Any], words: str) -> None:
    (told,) = _missed(replace(good, **changes))
    assert words in told
    assert told.startswith("phantoms: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"covered": (Covered("image", _figure(0.91), 0.95, 0.2),)},
        {"covered": (Covered("image", _figure(0), 0.95, None),)},
        {"ranked": (_way(RANDOM, -0.2),)},
        {"held_to_rank": False, "ranked": (_way(SHOWN, -0.5),)},
        {"leaks": None, "ranked": (), "covered": ()},
    ],
)
def test_what_is_within_error_or_not_to_be_held_to_it_misses_nothing(good: SetStudy, changes: dict[str, Any]) -> None:
    assert _missed(replace(good, **changes)) == ()
