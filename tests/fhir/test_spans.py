"""Values with comparators, in three values."""

from __future__ import annotations

import doctest
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fhir.spans
from fhir.spans import span_of

NUMBERS = st.integers(-20, 20).map(Decimal)
TESTS = {
    "below": lambda value, bound: value < bound,
    "at_most": lambda value, bound: value <= bound,
    "above": lambda value, bound: value > bound,
    "at_least": lambda value, bound: value >= bound,
}
MEANINGS = {
    None: lambda value, given: value == given,
    "<": lambda value, given: value < given,
    "<=": lambda value, given: value <= given,
    ">=": lambda value, given: value >= given,
    ">": lambda value, given: value > given,
}


@pytest.mark.std("E5")
@pytest.mark.fault(14)
@pytest.mark.parametrize(
    ("value", "comparator", "test", "bound", "answer"),
    [
        (5, "<", "below", 30, True),
        (4, ">", "below", 5, None),
        (5, "<", "below", 4, None),
        (5, "<", "below", 5, True),
        (5, "<=", "below", 5, None),
        (5, "<=", "at_most", 5, True),
        (5, ">=", "below", 5, False),
        (5, ">", "at_most", 5, False),
        (5, ">", "above", 5, True),
        (5, ">=", "above", 5, None),
        (5, ">=", "at_least", 5, True),
        (5, None, "above", 5, False),
        (5, None, "at_least", 5, True),
    ],
)
def test_a_comparator_is_read_in_three_values(value: int, comparator: str | None, test: str, bound: int, answer: bool | None) -> None:
    assert getattr(span_of(Decimal(value), comparator), test)(Decimal(bound)) is answer


@given(NUMBERS, st.sampled_from(list(MEANINGS)), st.sampled_from(list(TESTS)), NUMBERS)
@pytest.mark.fault(14)
def test_an_answer_holds_for_every_value_that_can_be_meant(stated: Decimal, comparator: str | None, test: str, bound: Decimal) -> None:
    halves = [Decimal(n) / 2 for n in range(-90, 91)]
    verdicts = {TESTS[test](value, bound) for value in halves if MEANINGS[comparator](value, stated)}
    found = span_of(stated, comparator)
    assert found is not None
    assert getattr(found, test)(bound) is (verdicts.pop() if len(verdicts) == 1 else None)


@pytest.mark.parametrize("comparator", ["~", "ad", "", 3, ["<"]])
def test_an_unknown_comparator_means_nothing_that_can_be_compared(comparator: object) -> None:
    assert span_of(Decimal(5), comparator) is None


def test_the_examples_of_the_docstrings_are_true() -> None:
    done = doctest.testmod(fhir.spans)
    assert (done.failed, done.attempted > 0) == (0, True)
