"""A reader that could not be opened yet for a reason that may pass, such as a server that is still starting."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Lock

from tools.med_vlm.asked import Asked
from tools.med_vlm.deadline import in_turn
from tools.med_vlm.errors import MedVlmError
from tools.med_vlm.profile import Profile
from tools.med_vlm.reading import Reader, Reading

REST = 15.0
"""Seconds without another try after one that failed. Each may take as long as a server's silence, and reviews wait for one another."""


class Awaited:
    """Implements `tools.med_vlm.reading.Reader`: tries to open the real one when it is asked. Safe to share between threads.

    A review then goes on without a reading, and says why, instead of nothing being served at all. Who asks soon after a try that
    failed is told the same at once.
    """

    def __init__(
        self,
        name: str,
        profile: Profile,
        opened: Callable[[], Reader],
        *,
        rest: float = REST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`opened` gives the real reader, or raises a `MedVlmError`."""
        self.name = name
        self.profile = profile
        self._open = opened
        self._reader: Reader | None = None
        self._one_at_a_time = Lock()
        self._rest, self._clock = rest, clock
        self._failed: tuple[float, MedVlmError] | None = None

    @property
    def fingerprint(self) -> str:
        """Of the real reader.

        Raises:
            MedVlmError: it still cannot be opened.
        """
        return self._opened().fingerprint

    def read(self, asked: Asked) -> Reading:
        """As the real reader.

        Raises:
            MedVlmError: it still cannot be opened, or what it raises.
        """
        return self._opened().read(asked)

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """As the real reader.

        Raises:
            MedVlmError: it still cannot be opened, or what it raises.
        """
        return self._opened().probabilities(asked)

    def _opened(self) -> Reader:
        with in_turn(self._one_at_a_time):
            if self._reader is None:
                self._reader = self._tried()
            return self._reader

    def _tried(self) -> Reader:
        if self._failed is not None and self._clock() - self._failed[0] < self._rest:
            raise self._failed[1].with_traceback(None)
        try:
            return self._open()
        except MedVlmError as error:
            self._failed = (self._clock(), error)
            raise
