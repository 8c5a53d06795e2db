"""Waiting for an export: asked at growing intervals, or when the server says, and never for ever.

Bulk Data Access 2.0, "Bulk Data Status Request": 202 while it works, 200 with the manifest, 429 when asked too often.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from fhir.bulk.manifest import ExportManifest, read_manifest
from fhir.errors import DeadlinePassed, ExportFailed, NotFhir, NotThere, Overloaded, Unreachable
from fhir.rest.outcome import require_fhir, require_success
from fhir.rest.query import FHIR_JSON
from fhir.wire.exchange import Answer, Ask
from fhir.wire.patience import retry_after
from fhir.wire.wire import Wire

_LIMIT = 64 * 1024 * 1024
_LONGEST_WORD = 100
"""Characters of `X-Progress` (the standard allows 100)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, and a number."""

    first: float = 1.0
    """Before the second question; doubled for each further one."""
    longest: float = 60.0
    """Between two questions, unless the server asks for more."""
    longest_asked: float = 3600.0
    """That a Retry-After is honoured for at most."""
    total: float = 6 * 3600.0
    """For the whole export until its manifest."""
    faults: int = 5
    """Questions in a row that may go without an answer."""


class _Waiting:
    """How long to wait before the next question, and when there is none any more."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._next = patience.first
        self._end = time.monotonic() + patience.total
        self._faults = 0

    async def wait(self, asked: float | None) -> None:
        """Raises DeadlinePassed when there is no time left for it."""
        pause = self._next if asked is None else min(max(asked, self._patience.first), self._patience.longest_asked)
        if time.monotonic() + pause > self._end:
            raise DeadlinePassed("the export did not end within the time that was given")
        self._next = min(self._next * 2, self._patience.longest)
        await asyncio.sleep(pause)

    def fault(self, error: Unreachable) -> None:
        """Raises the error when it is one too many in a row."""
        self._faults += 1
        if self._faults > self._patience.faults:
            raise error

    def answered(self) -> None:
        self._faults = 0


async def begin(wire: Wire, ask: Ask, patience: Patience) -> Answer:
    """The answer to a kick-off; a server that is too busy to begin (429, 503) is asked again, any other fault is not.

    Raises:
        DeadlinePassed: it stayed too busy. Others: see `fhir.wire.wire.Wire.ask`.
    """
    waiting = _Waiting(patience)
    while True:
        try:
            return await wire.ask(ask)
        except Overloaded as error:
            await waiting.wait(error.retry_after)


async def finished(wire: Wire, url: str, patience: Patience, on_progress: Callable[[str], None]) -> ExportManifest:
    """The manifest of the export at a status URL, once it is there.

    Args:
        wire: Whose allow-list the URL must be on.
        url: The Content-Location of the kick-off.
        patience: How long and how often.
        on_progress: Told `X-Progress` at every answer, cut and made printable; "" when there is none.

    Raises:
        ExportFailed: the server does not know it any more, or its manifest cannot be followed.
        RequestRefused: it ended in an error (4xx), with the codes of the OperationOutcome.
        DeadlinePassed: not within the time that was given. Others: see `fhir.wire.wire.Wire.ask`.
    """
    waiting = _Waiting(patience)
    while True:
        pause: float | None = None
        try:
            answer = await wire.ask(Ask("GET", url, {"Accept": f"{FHIR_JSON}, application/json"}, limit=_LIMIT, repeatable=False))
        except Overloaded as error:
            pause = error.retry_after
        except Unreachable as error:
            waiting.fault(error)
        else:
            waiting.answered()
            if answer.status != 202:
                return _manifest(answer)
            on_progress(_word(answer.headers.get("x-progress", "")))
            pause = retry_after(answer.headers.get("retry-after"))
        await waiting.wait(pause)


def _word(text: str) -> str:
    """The server's word on how far it is: its own prose, for a person's eyes alone, so nothing that moves a cursor passes."""
    return "".join(letter for letter in text if letter.isprintable())[:_LONGEST_WORD].strip()


def _manifest(answer: Answer) -> ExportManifest:
    try:
        require_success(answer)
    except NotThere:
        raise ExportFailed("the server does not know the export any more") from None
    if answer.status != 200:
        raise NotFhir("the status URL answered with a status that is no answer")
    return read_manifest(require_fhir(answer), answer.url)
