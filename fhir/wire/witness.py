"""Who is told of every exchange before anything of its answer is handed on: no row, no read."""

from __future__ import annotations

from typing import Protocol

from fhir.wire.exchange import Ask


class Witness(Protocol):
    """Implementation: `sidenote.audit.witness.SessionWitness`, which keeps a row of each exchange."""

    async def saw(self, ask: Ask, status: int | None) -> None:
        """Called once an exchange, repetitions included, when the head of the answer has come and before any of it is handed on.

        Args:
            ask: The question as it was sent.
            status: Of the answer; None where none came.

        Raises:
            Exception: the exchange cannot be told of. The answer is dropped, and the caller gets this error.
        """
        ...
