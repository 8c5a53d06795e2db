"""Whether a review could be made now: what every review needs of this machine, tried, and remembered for a moment.

What is loaded at the start (rules, guidance, model, case library) is not looked at again: a process without it does not start. No
EHR is asked: one that is down is that EHR's trouble, and none of the others'.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sidenote.audit.store import Audit

OK = "ok"
PATIENCE = 3.0
"""Seconds that a check has."""
LIFETIME = 1.0
"""Seconds for which an answer stands: whoever asks in a loop writes nothing more."""


class Readiness:
    """The checks of one process."""

    def __init__(self, audit: Audit, records: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is tried yet. `records` is the folder of flight records."""
        self._audit, self._records, self._clock = audit, records, clock
        self._found: Mapping[str, str] = {}
        self._until = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def checks(self) -> Mapping[str, str]:
        """Name of each check -> `ok`, or the code of what is wrong."""
        async with self._one_at_a_time:
            if self._clock() >= self._until:
                self._found = {"audit": await self._kept(), "records": await self._written()}
                self._until = self._clock() + LIFETIME
        return self._found

    async def _kept(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                return OK if await self._audit.ready() else "audit_down"
        except TimeoutError:
            return "audit_down"

    async def _written(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.to_thread(_try, self._records)
        except (OSError, TimeoutError):
            return "flight_record_error"
        return OK


def _try(folder: Path) -> None:
    """Write a byte there and take it away again."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"0")
        file.flush()
