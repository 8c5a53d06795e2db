"""Who was refused what, for the audit: launches, and 401, 403 and 404 of the API.

Whoever comes without a session can be refused as often as they like: past a few, what is the same is told as a number, so that
nobody from outside fills the disk that every read waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.routing import Match

from sidenote.audit.errors import AuditDown
from sidenote.audit.events import Row, denied
from sidenote.audit.store import Audit
from sidenote.web.errors import WebError

TOLD = frozenset({401, 403, 404})
EACH = 30
"""Rows of the same refusal that are told one by one within `SECONDS`."""
SECONDS = 60.0


@dataclass(slots=True)
class _Spell:
    """One refusal since a moment: how often it was told, how often it was not, and the last time that it was not."""

    began: float
    told: int = 0
    more: int = 0
    last: Row | None = None


class Strangers:
    """Tells the refusals of those who have no session. Codes, routes and EHRs are ours, so the kinds of them are few."""

    def __init__(self, audit: Audit, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was refused yet."""
        self._audit, self._clock = audit, clock
        self._spells: dict[tuple[object, ...], _Spell] = {}

    async def refused(self, row: Row) -> None:
        """Tell a refusal, or count it.

        Raises:
            sidenote.audit.errors.AuditDown: it is to be told and cannot be kept now.
        """
        await self.sweep()
        spell = self._spells.setdefault((row.event, row.code, row.who, row.entities), _Spell(self._clock()))
        if spell.told >= EACH:
            spell.more, spell.last = spell.more + 1, row
            return
        spell.told += 1
        await self._audit.append(row)

    async def sweep(self) -> None:
        """Tell the numbers of what was only counted and is some time past. Raises as `refused`."""
        await self._tell(self._clock() - SECONDS)

    async def aclose(self) -> None:
        """Tell all numbers, where they can be kept."""
        with suppress(AuditDown):
            await self._tell(float("inf"))

    async def _tell(self, until: float) -> None:
        past = [self._spells.pop(key) for key, spell in tuple(self._spells.items()) if spell.began <= until]
        rows = [replace(spell.last, more=spell.more - 1) for spell in past if spell.last is not None]
        if rows:
            await self._audit.append(*rows)


async def refusal_told(request: Request, error: Exception, status: int) -> None:
    """Append the refusal of a request by its route's template, never by its path.

    Raises:
        sidenote.audit.errors.AuditDown: it cannot be kept now.
    """
    if status not in TOLD or not isinstance(error, WebError) or not (route := _template(request)).startswith("/api/"):
        return
    session, parts = getattr(request.state, "session", None), request.app.state.parts
    if session is None:
        await parts.strangers.refused(denied(None, route, error.code))
    else:
        await parts.audit.append(denied(session.who, route, error.code))


def _template(request: Request) -> str:
    """The path of the route that was asked for, looked up where it was refused before any route; empty where there is none."""
    found = request.scope.get("route")
    if found is None:
        routes = (one for router in request.app.state.routers for one in router.routes)
        found = next((one for one in routes if one.matches(request.scope)[0] is Match.FULL), None)
    return str(getattr(found, "path", ""))
