"""The sessions of the sidebar: each of one launch, one patient and one browser tab. All on one event loop, in memory alone.

A handle is a secret of 256 bits that the page keeps in a variable. Here its hash is kept: what is read out of this memory opens nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sidenote.audit.errors import AuditDown
from sidenote.audit.events import Who
from sidenote.ehrs import is_emergency
from sidenote.web.errors import SessionOver, TooManySessions

if TYPE_CHECKING:
    from fhir.smart import Launched
    from fhir.source import Source
    from sidenote.ehrs import Ehr
    from sidenote.web.running import Run
    from sidenote.web.wire.stream import EndReason

MOST_OF_AN_EHR = 500
"""Sessions of one EHR at once: each holds charts, pictures and connections in memory. A flood from one leaves the others theirs."""
LONGEST = 12 * 3600.0
"""Seconds after which a session ends however busy it is: nobody's turn of duty is longer."""
LETTING_GO = 1.0
"""Seconds that cancelled work has to stop, before its token is forgotten whether or not it has."""


@dataclass(slots=True, eq=False)
class Opening:
    """A session on its way: its tab may begin another launch before it is open."""

    window: bytes = field(repr=False)
    """Hash of the tab's secret."""
    over: bool = False


@dataclass(slots=True, eq=False)
class WebSession:
    """One session. Its patient never changes; `over` says why nothing of it is to be shown any longer."""

    id: str
    """Not a secret: names the session in audit and logs."""
    ehr: Ehr
    launched: Launched = field(repr=False)
    source: Source = field(repr=False)
    window: bytes = field(repr=False)
    """Hash of the tab's secret."""
    user: str = field(repr=False)
    """The user as the EHR names one; empty where it does not say."""
    handle: bytes = field(repr=False)
    """Hash of the handle."""
    began: float
    """When it was opened, by the clock of its `Sessions`."""
    touched: float
    runs: dict[str, Run] = field(default_factory=dict, repr=False)
    chores: set[asyncio.Task[None]] = field(default_factory=set, repr=False)
    """What is done beside, such as writing what an earlier session left unwritten."""
    over: EndReason | None = None

    @property
    def patient(self) -> str:
        """Id of the one patient, as the token has it."""
        return self.launched.patient

    @property
    def who(self) -> Who:
        """For the audit."""
        return _who(self.ehr, self.user, self.launched, self.id)

    @property
    def emergency(self) -> bool:
        """Whether the EHR says that it gave emergency access. The same to the end of the session."""
        return self.who.emergency


Ended = Callable[[WebSession, "EndReason"], Awaitable[None]]


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(self, *, minutes: float, ended: Ended | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """None yet.

        Args:
            minutes: Without a question, after which a session ends.
            ended: Told of each end, once all of it is forgotten.
            clock: Seconds that only grow.
        """
        self._seconds, self._ended, self._clock = minutes * 60, ended, clock
        self._by_handle: dict[bytes, WebSession] = {}
        self._opening: defaultdict[bytes, set[Opening]] = defaultdict(set)

    def __len__(self) -> int:
        """How many are open."""
        return len(self._by_handle)

    @property
    def expires_in(self) -> int:
        """Seconds without a question after which a session ends."""
        return int(self._seconds)

    @contextmanager
    def opening(self, window: str) -> Iterator[Opening]:
        """Note that a session of this tab is on its way, so that another launch there can overtake it."""
        one = Opening(_hash(window))
        self._opening[one.window].add(one)
        try:
            yield one
        finally:
            self._opening[one.window].discard(one)
            if not self._opening[one.window]:
                del self._opening[one.window]

    def open(
        self, opening: Opening, ehr: Ehr, launched: Launched, user: str, source_for: Callable[[Who], Source]
    ) -> tuple[str, WebSession]:
        """Open a session. `source_for` opens the source that the one who is told of in the audit reads from.

        Returns:
            The handle, which is kept nowhere here, and the session.

        Raises:
            SessionOver: the tab has begun another launch since. TooManySessions: the EHR has as many as it may.
        """
        if opening.over:
            raise SessionOver("another launch began in this tab")
        if sum(one.ehr.name == ehr.name for one in self._by_handle.values()) >= MOST_OF_AN_EHR:
            raise TooManySessions("as many charts of this EHR are open as there may be: try again in a while")
        handle, id_ = secrets.token_urlsafe(32), secrets.token_hex(8)
        source = source_for(_who(ehr, user, launched, id_))
        now = self._clock()
        session = WebSession(id_, ehr, launched, source, opening.window, user, _hash(handle), began=now, touched=now)
        self._by_handle[session.handle] = session
        return handle, session

    async def of(self, handle: str) -> WebSession:
        """The session of a handle, which counts as a question.

        How long the look-up takes tells nothing of a handle: it goes by its hash.

        Raises:
            SessionOver: there is none, or it is over, by the clock or since the EHR took its token back.
        """
        session = self._by_handle.get(_hash(handle))
        if session is None:
            raise SessionOver
        if (reason := self._due(session)) is not None:
            await self.end(session, reason)
            raise SessionOver
        session.touched = self._clock()
        return session

    async def end(self, session: WebSession, reason: EndReason) -> None:
        """End a session: from this call on its handle opens nothing; its work is cancelled, its tokens are forgotten, its wire closed."""
        if session.over is not None:
            return
        session.over = reason
        del self._by_handle[session.handle]
        try:
            await _cancelled(session, reason)
        finally:
            session.launched.session.end()
        await session.source.aclose()
        if self._ended is not None:
            # it is over, whether or not that can be told
            with suppress(AuditDown):
                await self._ended(session, reason)

    async def end_window(self, window: str, reason: EndReason) -> None:
        """End what a tab has open, or on its way, but for sessions of other tabs."""
        found = _hash(window)
        for one in self._opening.get(found, ()):
            one.over = True
        await self._end_all([one for one in self._by_handle.values() if one.window == found], reason)

    async def sweep(self) -> None:
        """End every session whose time has passed, or whose token the EHR took back."""
        for session in list(self._by_handle.values()):
            if (reason := self._due(session)) is not None:
                await self.end(session, reason)

    async def aclose(self) -> None:
        """End them all: the process is told to stop."""
        for opening in self._opening.values():
            for one in opening:
                one.over = True
        await self._end_all(list(self._by_handle.values()), "shutdown")

    async def _end_all(self, sessions: Sequence[WebSession], reason: EndReason) -> None:
        await asyncio.gather(*(self.end(session, reason) for session in sessions))

    def _due(self, session: WebSession) -> EndReason | None:
        if session.launched.session.over:
            return "session_over"
        now = self._clock()
        return "expired" if now - session.touched >= self._seconds or now - session.began >= LONGEST else None


async def _cancelled(session: WebSession, reason: EndReason) -> None:
    """Cancel the work of a session and wait a moment for it to let go: work that finds its token gone tells of an error."""
    runs = tuple(session.runs.values())
    session.runs.clear()
    for run in runs:
        run.cancel(reason)
    for chore in session.chores:
        chore.cancel()
    tasks = [run.task for run in runs if run.task is not None] + list(session.chores)
    if tasks:
        await asyncio.wait(tasks, timeout=LETTING_GO)


def _who(ehr: Ehr, user: str, launched: Launched, id_: str) -> Who:
    return Who(ehr.name, user, launched.patient, id_, is_emergency(ehr, launched.session.context))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
