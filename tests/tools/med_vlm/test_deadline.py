"""One limit over many answers: the nearer end counts, and nobody waits past it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from math import inf
from threading import Lock

import pytest

from tools.med_vlm.deadline import in_turn, require_time, until, within
from tools.med_vlm.errors import ModelTimedOut


def test_without_a_limit_an_answer_has_its_own_time() -> None:
    require_time()
    assert until(60) == pytest.approx(time.monotonic() + 60, abs=1)
    assert until(inf) == inf


def test_of_two_limits_the_nearer_counts_and_the_outer_returns() -> None:
    with within(100):
        with within(10):
            assert until(60) == pytest.approx(time.monotonic() + 10, abs=1)
        with within(1000):
            assert until(inf) == pytest.approx(time.monotonic() + 100, abs=1)
        assert until(60) == pytest.approx(time.monotonic() + 60, abs=1)
    assert until(inf) == inf


@pytest.mark.fault(66)
def test_after_the_end_nothing_is_begun_and_the_limit_goes_with_what_raised() -> None:
    with pytest.raises(ModelTimedOut), within(0):
        require_time()
    require_time()


@pytest.mark.fault(66)
def test_a_turn_is_waited_for_no_longer_than_the_reading_has() -> None:
    lock = Lock()
    with in_turn(lock):
        assert lock.locked()
    lock.acquire()
    began = time.monotonic()
    for seconds in (0.02, 0):
        with pytest.raises(ModelTimedOut), within(seconds), in_turn(lock):
            raise AssertionError("nobody gave it back")
    assert time.monotonic() - began < 5
    lock.release()
    with within(5), in_turn(lock):
        assert lock.locked()
    assert not lock.locked()


def test_another_thread_knows_of_it_where_it_is_given_the_context() -> None:
    with within(10), ThreadPoolExecutor(1) as pool:
        assert pool.submit(until, inf).result() == inf
        assert pool.submit(copy_context().run, until, inf).result() < inf
