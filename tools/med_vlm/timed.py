"""A bound on the whole of a reading: its questions, its report, the probe and the prior together."""

from __future__ import annotations

from collections.abc import Mapping

from tools.med_vlm.asked import Asked
from tools.med_vlm.deadline import within
from tools.med_vlm.profile import Profile
from tools.med_vlm.reading import Reader, Reading


class Timed:
    """Implements `tools.med_vlm.reading.Reader`: what is not read in time is not read, and nothing of it is shown.

    A reading whose own image was read and probed in time and whose prior was not is whole: it says that it was not compared.
    """

    def __init__(self, reader: Reader, seconds: float) -> None:
        """`seconds`: for one reading. A generative model in this process may pass it by one layer, a matcher by one answer."""
        self.name: str = reader.name
        self.profile: Profile = reader.profile
        self._reader, self._seconds = reader, seconds

    @property
    def fingerprint(self) -> str:
        """Of the reader within.

        Raises:
            MedVlmError: it cannot be had yet.
        """
        return self._reader.fingerprint

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """Those of the reader within, in the same time.

        Raises:
            ModelTimedOut, MedVlmError: as `read`.
        """
        with within(self._seconds):
            return self._reader.probabilities(asked)

    def read(self, asked: Asked) -> Reading:
        """The reading.

        Raises:
            ModelTimedOut: it did not end in time.
            MedVlmError: the model did not answer.
        """
        with within(self._seconds):
            return self._reader.read(asked)
