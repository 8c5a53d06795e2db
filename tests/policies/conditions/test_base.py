"""What the kinds share: gaps, folding, windows, the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fhir.chart import Manifest, chart_of
from fhir.time import parse_when
from policies.conditions.answer import Answer, answer
from policies.conditions.base import ValueSetName, chart_none, existing, future, gaps, in_window, labelled, time_of, unclear
from policies.outcome import Basis
from policies.rule_case import Given, policy_case

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GAP = Basis(reference="manifest", detail="Observation: truncated")
YES, NO, OPEN = answer(True, "X/yes", "y"), answer(False, "X/no", "n"), answer(None, "X/open", "o")


def observation(**fields: Any) -> Any:
    chart = chart_of({"resourceType": "Patient", "id": "p"}, [{"resourceType": "Observation", "id": "o", **fields}])
    return chart.facts[0]


@pytest.mark.parametrize(
    ("state", "as_primary", "as_secondary"),
    [
        ("complete", (), ()),
        ("refused", ("Observation: refused",), ("Observation: refused",)),
        ("truncated", ("Observation: truncated",), ("Observation: truncated",)),
        ("failed", ("Observation: failed",), ("Observation: failed",)),
        ("not asked", ("Observation: not asked",), ()),
    ],
)
def test_a_type_that_is_only_useful_is_no_gap_when_it_was_not_asked_for(
    state: Any, as_primary: tuple[str, ...], as_secondary: tuple[str, ...]
) -> None:
    chart = chart_of({"resourceType": "Patient", "id": "p"}, (), Manifest("server", (("Observation", state),), 1))
    assert tuple(basis.detail for basis in gaps(chart, ("Observation",))) == as_primary
    assert tuple(basis.detail for basis in gaps(chart, (), ("Observation",))) == as_secondary


@pytest.mark.fault(7)
@pytest.mark.parametrize(
    ("found", "missing", "value", "references"),
    [
        ((), (), False, ["manifest"]),
        ((), (GAP,), None, ["manifest"]),
        ((NO,), (), False, ["X/no"]),
        ((NO,), (GAP,), None, ["manifest"]),
        ((NO, OPEN), (), None, ["X/open"]),
        ((NO, OPEN), (GAP,), None, ["X/open", "manifest"]),
        ((NO, OPEN, YES), (GAP,), True, ["X/yes"]),
    ],
)
def test_one_yes_settles_it_and_a_no_needs_a_complete_pull(
    found: tuple[Answer, ...], missing: tuple[Basis, ...], value: bool | None, references: list[str]
) -> None:
    folded = existing(found, missing, chart_none("such thing"))
    assert folded.value is value
    assert [basis.reference for basis in folded.basis] == references


@pytest.mark.parametrize(
    ("text", "days", "inside"),
    [
        ("2026-11-20", 7, True),
        ("2026-11-01", 7, False),
        ("2026-11", 7, None),
        ("2026-11-16", 7, None),
        ("2026-11-16T12:00:00Z", 7, True),
        ("2026-11-16T11:59:59Z", 7, False),
        ("1999", None, True),
    ],
)
def test_a_window_answers_as_far_as_the_precision_of_the_date_goes(text: str, days: int | None, inside: bool | None) -> None:
    assert in_window(parse_when(text), NOW, days) is inside


def test_without_a_date_only_an_open_window_is_answered() -> None:
    assert in_window(None, NOW, 7) is None
    assert in_window(None, NOW, None) is True


@given(st.integers(0, 4000), st.integers(0, 4000), st.integers(0, 4000))
def test_a_wider_window_never_loses_what_a_narrower_one_held(ago: int, days: int, more: int) -> None:
    time = parse_when((NOW - timedelta(days=ago)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert in_window(time, NOW, days) is (ago <= days)
    assert not in_window(time, NOW, days) or in_window(time, NOW, days + more)


@pytest.mark.parametrize(
    ("time", "later"),
    [("2026-11-23", False), ("2026-11-25", True), ("2026-12", True), ("2026", False), ("2026-11-23T12:00:01Z", True), (None, False)],
)
def test_only_what_surely_lies_ahead_is_the_future(time: str | None, later: bool) -> None:
    fact = observation(**({"effectiveDateTime": time} if time else {}))
    assert future(fact, NOW) is later
    assert (time_of(fact) is None) is (time is None)


@pytest.mark.fault(13)
@pytest.mark.parametrize(("time", "kept"), [("2026-11-20", 1), (None, 1), ("2026-08-20", 0), ("2026-12-20", 0)])
def test_a_modified_fact_of_the_window_keeps_the_question_open(time: str | None, kept: int) -> None:
    body = {"resourceType": "Observation", "code": {"text": "INR"}, "modifierExtension": [{"url": "urn:not"}]}
    case = policy_case(Given(resources=({**body, **({"effectiveDateTime": time} if time else {})},)))
    assert len(unclear(case, "inr", ("Observation",), 30)) == kept
    assert unclear(case, "egfr", ("Observation",), 30) == unclear(case, "inr", ("Condition",), 30) == ()


def test_an_answer_on_a_fact_carries_its_day_where_it_has_one() -> None:
    dated, undated = observation(effectiveDateTime="2026-11-20T08:00:00Z"), observation()
    assert labelled(dated, "eGFR", True) == answer(True, "Observation/o", "eGFR on 2026-11-20")
    assert labelled(undated, "eGFR", None) == answer(None, "Observation/o", "eGFR")


def test_a_value_set_that_does_not_exist_cannot_be_named() -> None:
    name: TypeAdapter[str] = TypeAdapter(ValueSetName)
    assert name.validate_python("egfr") == "egfr"
    with pytest.raises(ValidationError, match="unknown value set 'egrf'"):
        name.validate_python("egrf")
