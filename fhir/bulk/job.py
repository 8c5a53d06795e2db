"""An export on the server while it lasts: begun, and taken off again however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fhir.bulk.kickoff import status_url
from fhir.bulk.poll import Patience, begin
from fhir.errors import RecordError
from fhir.rest.query import FHIR_JSON
from fhir.wire.exchange import Answer, Ask
from fhir.wire.wire import Wire

_GOODBYE = 10.0
"""Seconds that the DELETE may take: who aborts does not want to wait long, and the server should hear of it all the same."""


@asynccontextmanager
async def begun(wire: Wire, ask: Ask, patience: Patience) -> AsyncIterator[str]:
    """The status URL of the export that a kick-off begins, while the context lasts; then it is deleted.

    Deleted after an error, KeyboardInterrupt and a cancelled task, so that the server stops working for nobody (Bulk Data Access 2.0,
    "Bulk Data Delete Request"), and after success too: what lies on the server longer than it is needed can be taken there.

    Raises as `fhir.bulk.poll.begin` and `fhir.bulk.kickoff.status_url` do. That the DELETE fails is no error of the export.
    """
    beginning = asyncio.create_task(begin(wire, ask, patience))
    try:
        answer = await asyncio.shield(beginning)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.create_task(_abandon(wire, beginning)))
        raise
    url = status_url(answer, wire.origins)
    try:
        yield url
    finally:
        await asyncio.shield(asyncio.create_task(_delete(wire, url)))


async def _abandon(wire: Wire, beginning: asyncio.Task[Answer]) -> None:
    """Delete what a kick-off that is under way may have begun: only its answer tells where that is."""
    with suppress(RecordError, TimeoutError):
        answer = await asyncio.wait_for(beginning, _GOODBYE)
        await _delete(wire, status_url(answer, wire.origins))


async def _delete(wire: Wire, url: str) -> None:
    with suppress(RecordError, TimeoutError):
        async with asyncio.timeout(_GOODBYE):
            await wire.ask(Ask("DELETE", url, {"Accept": FHIR_JSON}, limit=1 << 20))
