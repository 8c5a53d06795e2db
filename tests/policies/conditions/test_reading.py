"""What the image model said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.conditions import Answer, parse_condition
from policies.errors import ConditionInvalid
from policies.rule_case import GivenFinding, GivenReading

Ask = Callable[..., Answer]


def read(presence: Any = "present", probability: float = 0.8, **more: Any) -> GivenReading:
    return GivenReading(findings=(GivenFinding(key="nodule", presence=presence, probability=probability),), **more)


def nodule(**settings: Any) -> dict[str, Any]:
    return {"reading": {"finding": "nodule", **settings}}


@pytest.mark.parametrize(
    ("reading", "settings", "value"),
    [
        (read(), {}, True),
        (read(), {"at_least": 0.8}, True),
        (read(), {"at_least": 0.81}, False),
        (read("absent", 0.1), {}, False),
        (read("absent", 0.1), {"presence": ["absent"]}, True),
        (read("uncertain", 0.5), {}, None),
        (read("uncertain", 0.5), {"presence": ["present", "uncertain"]}, True),
        (read("uncertain", 0.5), {"presence": ["present", "uncertain"], "at_least": 0.6}, None),
        (GivenReading(), {}, False),
        (GivenReading(mode="abstained"), {}, False),
        (GivenReading(mode="refused"), {}, False),
        (None, {}, False),
    ],
)
def test_a_finding_is_read_uncertain_or_not_stated(
    *, ask: Ask, reading: GivenReading | None, settings: dict[str, Any], value: bool | None
) -> None:
    assert ask(nodule(**settings), reading=reading).value is value


@pytest.mark.parametrize(
    ("mode", "value", "detail"),
    [
        ("abstained", True, "image model: abstained (a lateral view)"),
        ("refused", True, "image model: refused (a lateral view)"),
        ("read", False, "image model: read (a lateral view)"),
        (None, False, "image model: off"),
    ],
)
def test_the_mode_is_one_of_those_asked_for(ask: Ask, mode: Any, value: bool, detail: str) -> None:
    reading = None if mode is None else GivenReading(mode=mode, reason="a lateral view")
    answer = ask({"reading": {"mode": ["abstained", "refused"]}}, reading=reading)
    assert (answer.value, answer.basis[0].detail) == (value, detail)


@pytest.mark.parametrize(
    ("score", "threshold", "value"),
    [(1.0, 2.0, False), (2.0, 2.0, False), (2.1, 2.0, True), (float("nan"), 2.0, True), (None, 2.0, None), (1.0, None, None)],
)
def test_an_unmeasured_distance_is_open_and_one_that_is_no_number_is_far(
    ask: Ask, score: float | None, threshold: float | None, value: bool | None
) -> None:
    reading = GivenReading(ood_score=score, ood_threshold=threshold)
    assert ask({"reading": {"out_of_distribution": True}}, reading=reading).value is value


def test_a_model_that_was_not_asked_is_not_far_from_its_training(ask: Ask) -> None:
    assert ask({"reading": {"out_of_distribution": True}}).value is False


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_finding_called_present_holds_from_its_bound_on(ask: Ask, probability: float, bound: float) -> None:
    assert ask(nodule(at_least=bound), reading=read("present", probability)).value is (probability >= bound)


def test_every_property_given_must_hold(ask: Ask) -> None:
    both = nodule(mode=["read"], at_least=0.5)
    assert ask(both, reading=read()).value is True
    assert ask(both, reading=read(mode="abstained")).value is False
    assert ask(both, reading=read(probability=0.4)).value is False


@pytest.mark.parametrize("settings", [{}, {"finding": "dragon"}, {"finding": "nodule", "at_least": 2}, {"mode": ["asleep"]}])
def test_refuses_what_no_reading_can_say(settings: dict[str, Any]) -> None:
    with pytest.raises(ConditionInvalid):
        parse_condition({"reading": settings})
