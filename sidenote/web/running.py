"""Reviews of a session while they run and after: what happened, for a stream to tell, and what came of it, until the session ends.

A run belongs to one session and is reached through it alone. When it ends, everything it holds of the patient is dropped in the
same step, before anything else can be sent.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from agent.errors import FlightRecordError
from agent.graph import Finished, run_review
from agent.request import ReviewRequest
from sidenote.audit import events
from sidenote.web.errors import NotFound, ReviewFailed, ReviewRunning, TooManyReviews
from sidenote.web.problems import answer
from sidenote.web.view.whole import banner_of, view_of
from sidenote.web.wire.stream import EndedEvent, EndReason, StepEvent

if TYPE_CHECKING:
    from fhir.chart import Chart
    from policies.evidence import Evidence, Frozen
    from sidenote.web.parts import WebParts
    from sidenote.web.sessions import WebSession

MOST_AT_ONCE = 16
"""Reviews of one EHR that run at the same time; the rest wait with nothing begun, and an EHR that never ends its answers holds up its
own alone. Most of a review is waiting for the EHR, so fewer would queue behind a slow one; but each holds a chart and its decoded
images, so there is an end to it."""
MOST_OF_A_SESSION = 8
"""Reviews a session holds: each keeps its chart and pictures in memory until the session ends."""
ENDED_WORDS: dict[EndReason, str] = {
    "another_launch": "Another chart was opened in this tab.",
    "session_over": "The EHR has ended this session. Open Sidenote again from the chart.",
    "signed_out": "You have signed out.",
    "expired": "This session was not used for a while, or was open for too long. Open Sidenote again from the chart.",
    "cancelled": "This review was cancelled.",
    "shutdown": "Sidenote is being restarted. Open it again from the chart.",
}
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Semaphore]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a run."""

    id: int
    """1, 2 …"""
    name: str
    data: str = field(repr=False)
    """JSON of a model of `sidenote.web.wire.stream` or `.view`."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A review that was put before the user."""

    finished: Finished = field(repr=False)
    view: bytes = field(repr=False)
    """The data of the `review` event, as UTF-8."""
    sha256: str
    """Of `view`."""


class Run:
    """One review of a session, from when it was asked for."""

    def __init__(self, review_id: str) -> None:
        """Nothing has happened yet."""
        self.review_id = review_id
        self.task: asyncio.Task[None] | None = None
        self.shown: Shown | None = None
        self.over = False
        self.asking = asyncio.Lock()
        """Held while a question is answered, so that what is numbered further on is numbered once."""
        self.further: tuple[Evidence, ...] = ()
        """Evidence of answers, numbered on after the review's own."""
        self._events: list[Event] = []
        self._count = 0
        self._failed = False
        self._news = asyncio.Event()

    def __repr__(self) -> str:
        """Without anything of the patient."""
        return f"Run({self.review_id!r}, {self._count} events{', over' if self.over else ''})"

    @property
    def finished(self) -> Finished | None:
        """The review with its pictures, once it was shown."""
        return None if self.shown is None else self.shown.finished

    @property
    def view_bytes(self) -> bytes | None:
        """The bytes that were shown, once they were."""
        return None if self.shown is None else self.shown.view

    @property
    def view_sha256(self) -> str | None:
        """SHA-256 of the bytes that were shown, once they were."""
        return None if self.shown is None else self.shown.sha256

    def require_shown(self) -> Shown:
        """What was shown.

        Raises:
            ReviewRunning: nothing yet.
            ReviewFailed: the review ended without anything to show.
            NotFound: it is over.
        """
        if self.over:
            raise NotFound
        if self._failed:
            raise ReviewFailed("this review could not be made; its last event says why")
        if self.shown is None:
            raise ReviewRunning("this review is still being made")
        return self.shown

    def append(self, name: str, data: Frozen | str) -> None:
        """Add an event, unless the run is over."""
        if self.over:
            return
        self._count += 1
        self._events.append(Event(self._count, name, data if isinstance(data, str) else data.model_dump_json()))
        self._news.set()
        self._news = asyncio.Event()

    def show(self, shown: Shown) -> None:
        """Put the review before the user: its only `review` event."""
        if not self.over:
            self.shown = shown
            self.append("review", shown.view.decode())

    def fail(self, error: Exception) -> None:
        """Tell that there will be no review, and why as far as that is known. What a run that is over stumbles on is nothing to tell."""
        if not self.over:
            self._failed = True
            self.append("failed", bytes(answer(error).body).decode())

    def cancel(self, reason: EndReason) -> None:
        """End it: work is cancelled, everything of the patient is dropped, and `ended` is all that is told from now on."""
        if self.over:
            return
        if self.task is not None:
            self.task.cancel()
        self.shown, self.further, self._events = None, (), []
        self.append("ended", EndedEvent(reason=reason, words=ENDED_WORDS[reason]))
        self.over = True

    async def next(self, after: int, patience: float | None = None) -> Event | None:
        """The first event after the one numbered `after`; None when there is none within `patience` seconds, or ever."""
        while (found := self._first(after)) is None and not self.over:
            try:
                async with asyncio.timeout(patience):
                    await self._news.wait()
            except TimeoutError:
                return None
        return found

    async def events(self, after: int = 0) -> AsyncIterator[Event]:
        """Every event after the one numbered `after`, to the last, which is `ended`."""
        while (event := await self.next(after)) is not None:
            yield event
            if event.name == "ended":
                return
            after = event.id

    def _first(self, after: int) -> Event | None:
        """A number that was never given asks for everything: it is another run's."""
        wanted = after if after <= self._count else 0
        return next((event for event in self._events if event.id > wanted), None)


def start(session: WebSession, parts: WebParts, *, study: str | None = None) -> Run:
    """Begin a review of the session's patient, of `study`, else of the one that the EHR has open, else of the newest.

    Raises:
        agent.errors.RequestInvalid: `study` is no id, UID or accession number.
        TooManyReviews: the session holds as many as it may.
    """
    if len(session.runs) >= MOST_OF_A_SESSION:
        raise TooManyReviews(f"a session holds at most {MOST_OF_A_SESSION} reviews: close one first")
    opened = session.launched.session.context.opened("ImagingStudy", session.ehr.iss)
    request = ReviewRequest(
        patient=session.patient, as_of=parts.now(), study=study or next(iter(opened), None), image_model=parts.image_model
    )
    run = Run(request.review_id)
    session.runs[run.review_id] = run
    run.task = asyncio.create_task(_review(run, session, parts, request))
    return run


async def _review(run: Run, session: WebSession, parts: WebParts, request: ReviewRequest) -> None:
    """Make the review and show it. It is in the audit that it was shown before it is."""
    try:
        with parts.metrics.running():
            async with _turn(session.ehr.name):
                finished = await _made(run, session, parts, request)
                view = await asyncio.to_thread(lambda: view_of(finished).model_dump_json().encode())
            shown = Shown(finished, view, hashlib.sha256(view).hexdigest())
            await parts.audit.append(events.shown(session.who, run.review_id, shown.sha256))
        run.show(shown)
        parts.metrics.reviewed(finished.review.status)
    except Exception as error:  # noqa: BLE001  # a defect too ends in an event; it is told as one, without its words
        run.fail(error)
        return
    await _held(shown, session, parts)


async def _held(shown: Shown, session: WebSession, parts: WebParts) -> None:
    """Have what a person is asked about wait for them. A thread that could not be made to wait is when somebody decides."""
    from sidenote.web.deciding import wait_for_people

    with suppress(FlightRecordError):
        await wait_for_people(session, parts, shown)


async def _made(run: Run, session: WebSession, parts: WebParts, request: ReviewRequest) -> Finished:
    began: dict[str, float] = {}
    clock = asyncio.get_running_loop().time

    def step(name: str, state: str) -> None:
        ms = round((clock() - began[name]) * 1000, 3) if state == "done" else None
        began.setdefault(name, clock())
        if ms is not None:
            parts.metrics.stepped(name, ms / 1000)
        run.append("step", StepEvent.model_validate({"step": name, "state": state, "ms": ms}))

    def charted(chart: Chart) -> None:
        run.append("banner", banner_of(chart, request.as_of))

    return await run_review(request, parts.parts_with(session.source, session.ehr.name), on_step=step, on_chart=charted)


def _turn(ehr: str) -> asyncio.Semaphore:
    """Whose turn it is, among the reviews of an EHR on this loop: a process has one loop, a test run many."""
    return _turns.setdefault(asyncio.get_running_loop(), {}).setdefault(ehr, asyncio.Semaphore(MOST_AT_ONCE))
