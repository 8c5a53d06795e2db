"""Until when a reading has to be there. Whoever waits for something on its behalf waits no longer than that.

One limit holds for all answers of a reading together; back ends have limits for one answer, and take the nearer of both. Networks in this
process ask before each of their layers (`tools.med_vlm.backends.stopping`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from threading import Lock

from tools.med_vlm.errors import ModelTimedOut

_UNTIL: ContextVar[float] = ContextVar("until", default=inf)
_OVER = "it did not end in the time that was given to the answer, or to all of the reading"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is done inside has so long, or what is left of a limit around it. Threads begun inside do not know of it by themselves."""
    before = _UNTIL.set(until(seconds))
    try:
        yield
    finally:
        _UNTIL.reset(before)


def until(seconds: float) -> float:
    """When an answer that may take so long has to be there, on `time.monotonic`'s clock: earlier where the reading ends before."""
    return min(time.monotonic() + seconds, _UNTIL.get())


def require_time() -> None:
    """Ask before each answer, and within a long one, so that nothing is begun for a reading nobody waits for.

    Raises:
        ModelTimedOut: the time of the answer, or of the whole reading, is over.
    """
    if time.monotonic() >= _UNTIL.get():
        raise ModelTimedOut(_OVER)


@contextmanager
def in_turn(lock: Lock) -> Iterator[None]:
    """Hold a lock, waited for no longer than the reading has.

    Raises:
        ModelTimedOut: others were busy until the time was over.
    """
    left = _UNTIL.get() - time.monotonic()
    if not lock.acquire(timeout=-1 if left == inf else max(left, 0)):
        raise ModelTimedOut(_OVER)
    try:
        yield
    finally:
        lock.release()
