"""Comparison with the prior for every `Reader`: it reads the prior image too, and the two readings are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tools.med_vlm.asked import Asked
from tools.med_vlm.compared.comparison import compared
from tools.med_vlm.errors import MedVlmError
from tools.med_vlm.reading import Reader, Reading


class Compared:
    """Implements `tools.med_vlm.reading.Reader` around another: with a prior image it reads twice, which takes twice as long.

    To be put around everything else, so that the prior passes the same gates as the image of the study.
    """

    def __init__(self, reader: Reader) -> None:
        self.name, self.fingerprint, self.profile = reader.name, reader.fingerprint, reader.profile
        self._reader = reader

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """Those of the reader within.

        Raises:
            MedVlmError: as its `read`.
        """
        return self._reader.probabilities(asked)

    def read(self, asked: Asked) -> Reading:
        """The reading with the change of each finding. A prior that cannot be read takes nothing from the reading; it is noted.

        Raises:
            MedVlmError: the study's own image could not be read.
        """
        reading = self._reader.read(asked)
        if reading.abstained or not asked.priors:
            return reading
        before = replace(asked, images=asked.priors, priors=(), question="", indication="")
        try:
            prior = self._reader.read(before)
        except MedVlmError as error:
            return reading.model_copy(update={"notes": (*reading.notes, f"the prior image was not compared: {error.code}")})
        return compared(reading, prior, asked.priors[0].sha256 or None)
