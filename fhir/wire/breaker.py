"""A circuit breaker: a server that keeps failing is left alone for a while, then asked once to see whether it is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after `failures` in a row; after `rest` seconds lets one question through, whose end closes or opens it again."""

    def __init__(self, failures: int = 6, rest: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Closed. `clock` gives seconds that never go back."""
        self._most, self._rest, self._clock = failures, rest, clock
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """Where it stands now."""
        if self._opened is None:
            return "closed"
        return "half-open" if self._clock() - self._opened >= self._rest else "open"

    def admits(self) -> bool:
        """Whether a question may be asked now. While half open, one at a time may; the asker must tell how it ended."""
        if self._opened is None:
            return True
        if self.state == "open" or self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The server answered like one that lives."""
        self._failures, self._opened, self._probing = 0, None, False

    def failed(self) -> None:
        """The server did not answer, cut its answer off, or said that it is broken."""
        self._failures += 1
        if self._failures >= self._most or self._opened is not None:
            self._opened = self._clock()
        self._probing = False

    def gave_up(self) -> None:
        """The asker was cancelled: nothing is known of the server, and the next may probe."""
        self._probing = False
