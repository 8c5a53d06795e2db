"""The circuit breaker, by a clock of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.wire.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(failures=3, rest=10.0, clock=clock)


def fails(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.admits()
        breaker.failed()


@pytest.mark.fault(5)
def test_opens_after_so_many_failures_in_a_row_and_not_before(breaker: Breaker) -> None:
    fails(breaker, 2)
    breaker.succeeded()
    fails(breaker, 2)
    assert (breaker.state, breaker.admits()) == ("closed", True)
    breaker.failed()
    assert (breaker.state, breaker.admits()) == ("open", False)


@pytest.mark.fault(5)
def test_lets_one_through_after_its_rest_whose_end_decides(breaker: Breaker, clock: Clock) -> None:
    fails(breaker, 3)
    clock.now = 9.9
    assert not breaker.admits()
    clock.now = 10.0
    assert breaker.state == "half-open"
    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.failed()
    assert (breaker.state, breaker.admits()) == ("open", False), "one failed probe opens it for another rest"
    clock.now = 20.0
    assert breaker.admits()
    breaker.succeeded()
    assert (breaker.state, breaker.admits(), breaker.admits()) == ("closed", True, True)
    fails(breaker, 2)
    assert breaker.state == "closed", "what went before is forgotten"


@pytest.mark.fault(5)
def test_a_probe_that_was_given_up_says_nothing_and_the_next_may_probe(breaker: Breaker, clock: Clock) -> None:
    fails(breaker, 3)
    clock.now = 10.0
    assert breaker.admits()
    breaker.gave_up()
    assert (breaker.state, breaker.admits(), breaker.admits()) == ("half-open", True, False)


def test_a_question_asked_before_it_opened_may_still_end_well(breaker: Breaker) -> None:
    assert all(breaker.admits() for _ in range(4))
    for _ in range(3):
        breaker.failed()
    assert breaker.state == "open"
    breaker.succeeded()
    assert breaker.state == "closed"


@pytest.mark.fault(5)
@given(st.lists(st.sampled_from(["admit", "fail", "succeed", "give up", "wait"]), max_size=60))
def test_never_more_than_one_question_is_under_way_to_a_server_that_rests(steps: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(failures=3, rest=10.0, clock=clock)
    probing = 0
    for step in steps:
        before = breaker.state
        if step == "admit" and breaker.admits():
            assert before != "open"
            probing = probing + 1 if before == "half-open" else 0
            assert probing <= 1
        elif step == "wait":
            clock.now += 4.0
        elif step != "admit":
            {"fail": breaker.failed, "succeed": breaker.succeeded, "give up": breaker.gave_up}[step]()
            probing = 0
