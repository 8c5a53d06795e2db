"""Counts for Prometheus. Labels come from closed sets alone: what is on none of them is counted as `other`.

One object a process, with a registry of its own. It never sees an id: what it counts of the audit is the event's name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, get_args

from sidenote.audit.events import Name
from sidenote.telemetry.codes import known_codes
from sidenote.web.wire.decide import Action
from sidenote.web.wire.stream import StepName

if TYPE_CHECKING:
    from sidenote.audit.events import Row

OTHER = "other"
SPACE = "sidenote"
"""How the name of each begins."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
STATUSES = frozenset(str(status.value) for status in HTTPStatus)
REVIEWS = frozenset({"presented", "needs_review", "withheld", "abstained", "failed", "cancelled"})
STEPS = frozenset(get_args(StepName))
ACTIONS = frozenset(get_args(Action))
EVENTS = frozenset(get_args(Name))
WRITES = frozenset({"written", "failed"})
ACCESSES = frozenset({"usual", "emergency"})
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def one_of(value: str, allowed: Collection[str]) -> str:
    """`value` where it is allowed, else `other`."""
    return value if value in allowed else OTHER


class Metrics:
    """What is counted. Every method may be called with any text: it is held against its list."""

    def __init__(self) -> None:
        """Nothing was counted yet."""
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        counter, histogram = (
            partial(Counter, namespace=SPACE, registry=self.registry),
            partial(Histogram, namespace=SPACE, registry=self.registry),
        )
        gauge = partial(Gauge, namespace=SPACE, registry=self.registry)
        self._codes = known_codes()
        self._routes: frozenset[str] = frozenset()
        self._requests = counter("requests", "Answers", ("route", "method", "status"))
        self._latency = histogram("request_seconds", "Until an answer begins", ("route",), buckets=_FAST)
        self._reviews = counter("reviews", "Reviews that ended", ("status",))
        self._failures = counter("review_failures", "Reviews that failed", ("code",))
        self._steps = histogram("step_seconds", "Steps of reviews", ("step",), buckets=_SLOW)
        self._decisions = counter("decisions", "Decisions of people", ("action",))
        self._rows = counter("audit_rows", "Rows of the audit", ("event", "outcome"))
        self._writes = counter("writes", "Drafts written to an EHR", ("outcome",))
        self._launches = counter("launches", "Sessions that began", ("access",))
        self._sessions = gauge("sessions_open", "Sessions that are open")
        self._runs = gauge("reviews_running", "Reviews that are running, those that wait for their turn among them")

    def serves(self, routes: Collection[str]) -> None:
        """The templates of the routes that there are; requests to anything else are counted as `other`."""
        self._routes = frozenset(routes)

    def watches(self, sessions: Callable[[], int]) -> None:
        """Where the number of open sessions is read when it is asked for."""
        self._sessions.set_function(sessions)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """An answer began."""
        route = one_of(route, self._routes)
        self._requests.labels(route, one_of(method, METHODS), one_of(str(status), STATUSES)).inc()
        self._latency.labels(route).observe(seconds)

    def reviewed(self, status: str) -> None:
        """A review ended, with its status."""
        self._reviews.labels(one_of(status, REVIEWS)).inc()

    @contextmanager
    def running(self) -> Iterator[None]:
        """A review runs while the context lasts. One that is cancelled or fails is counted here, one that ends by `reviewed`."""
        with self._runs.track_inprogress():
            try:
                yield
            except asyncio.CancelledError:
                self.reviewed("cancelled")
                raise
            except Exception as error:
                self.reviewed("failed")
                self._failures.labels(one_of(getattr(error, "code", "internal_error"), self._codes)).inc()
                raise

    def stepped(self, step: str, seconds: float) -> None:
        """A step of a review is done."""
        self._steps.labels(one_of(step, STEPS)).observe(seconds)

    def heard(self, row: Row) -> None:
        """A row of the audit was kept: what it tells of is counted by its name."""
        outcome = {"0": "success", "4": "refused", "8": "broken"}.get(row.outcome, OTHER)
        self._rows.labels(one_of(row.event, EVENTS), outcome).inc()
        if row.event == "launch":
            self._launches.labels("emergency" if row.who.emergency else "usual").inc()
        if row.event == "decided":
            self._decisions.labels(one_of(row.code, ACTIONS)).inc()
        if row.event == "wrote":
            self._writes.labels("written" if row.outcome == "0" else "failed").inc()

    def text(self) -> bytes:
        """All of it in the text format of Prometheus, version 0.0.4."""
        from prometheus_client import generate_latest

        found: bytes = generate_latest(self.registry)
        return found
