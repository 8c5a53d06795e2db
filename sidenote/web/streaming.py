"""A run as Server-Sent Events (WHATWG HTML, 9.2): resumed by `Last-Event-ID`, kept alive through proxies by comments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from sidenote.web.running import Event, Run

KEEP_ALIVE = 15.0
"""Seconds without an event after which a comment is sent: proxies drop what is silent for 30 to 60 (HTML 9.2.7 says 15)."""
HEADERS: Mapping[str, str] = {"X-Accel-Buffering": "no", "Cache-Control": "no-store, no-transform"}
"""A proxy that gathers or compresses a stream shows the steps of a review when it is over."""
COMMENT = b":\n\n"


def formatted(event: Event) -> bytes:
    r"""One event. Its data are one line, since JSON holds no raw line break.

    >>> formatted(Event(3, "step", "{}"))
    b'id: 3\nevent: step\ndata: {}\n\n'
    """
    return f"id: {event.id}\nevent: {event.name}\ndata: {event.data}\n\n".encode()


def last_event(header: str | None) -> int:
    """The number in `Last-Event-ID`; 0, which asks for everything, when it holds none of ours.

    >>> last_event("7"), last_event(None), last_event("x"), last_event("-1")
    (7, 0, 0, 0)
    """
    return int(header) if header is not None and header.isascii() and header.isdecimal() and len(header) < 10 else 0


async def stream(run: Run, after: int, keep_alive: float = KEEP_ALIVE) -> AsyncIterator[bytes]:
    """The events of `run` after the one numbered `after`, each taken when it is sent: nothing waits here that the run has dropped."""
    while True:
        event = await run.next(after, keep_alive)
        if event is None and run.over:
            return
        yield COMMENT if event is None else formatted(event)
        after = after if event is None else event.id
