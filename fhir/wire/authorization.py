"""What goes into the Authorization header, and how it is renewed: once for however many calls found it stale."""

from __future__ import annotations

import asyncio
from typing import Protocol

from fhir.errors import AuthorizationError


class Authorization(Protocol):
    """Where the header comes from. Implementations: `Bearer` here, `fhir.smart.session.Session`, `fhir.smart.backend.BackendService`."""

    async def header(self) -> str | None:
        """Value of the Authorization header, such as `Bearer …`; None for none.

        Raises:
            fhir.errors.AuthorizationError: no token is to be had.
        """
        ...

    async def renew(self, stale: str | None) -> bool:
        """Called when an answer to `stale` was 401: get another header. Called by many at once: one renewal serves them all.

        Returns:
            Whether `header` now gives another value than `stale`.

        Raises:
            fhir.errors.AuthorizationError: the renewal was refused.
        """
        ...

    async def aclose(self) -> None:
        """Give back what is held open, such as connections to a token endpoint."""
        ...


class Bearer:
    """A token given once, that nobody can renew."""

    def __init__(self, token: str) -> None:
        """`token` without the word Bearer."""
        self._value = f"Bearer {token}"

    async def header(self) -> str | None:
        """See `Authorization`."""
        return self._value

    async def renew(self, stale: str | None) -> bool:
        """See `Authorization`: there is no other."""
        return False

    async def aclose(self) -> None:
        """See `Authorization`: nothing is held open."""


class SingleFlight:
    """Renewals in single file: however many calls find a value stale, one renewal is made, and all take its result.

    A renewal that was refused stays refused: the same stale value is not tried again. One that did not reach its server may be. It
    outlives the call that began it, since a rotated refresh token that nobody received is lost. Subclasses give `_fetch`.
    """

    def __init__(self) -> None:
        """No value yet: the first `header` fetches one. The value is kept in memory alone."""
        self._value: str | None = None
        self._flight: asyncio.Task[None] | None = None

    async def header(self) -> str | None:
        """See `Authorization`."""
        if self._value is None:
            await self.renew(None)
        return self._value

    async def renew(self, stale: str | None) -> bool:
        """See `Authorization`."""
        if self._value == stale:
            if self._flight is None:
                self._flight = asyncio.create_task(self._fly())
                self._flight.add_done_callback(_looked_at)
            await asyncio.shield(self._flight)
        return self._value != stale

    async def aclose(self) -> None:
        """See `Authorization`: nothing is held open."""

    async def _fly(self) -> None:
        try:
            self._value = await self._fetch()
        except AuthorizationError:
            raise  # the failed flight stays, and whoever asks again takes its refusal
        except BaseException:
            self._flight = None
            raise
        self._flight = None

    async def _fetch(self) -> str | None:
        raise NotImplementedError


def _looked_at(flight: asyncio.Task[None]) -> None:
    """Take note of a failure that nobody waits for any more."""
    if not flight.cancelled():
        flight.exception()
