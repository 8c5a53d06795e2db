"""Comparison with the prior for every `Reader`: it reads the prior image too, and the two readings are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tools.med_vlm.asked import Asked
from tools.med_vlm.compared.comparison import compared
from tools.med_vlm.errors import MedVlmError
from tools.med_vlm.reading import Reader, Reading

Prove = Callable[[Asked, Reading, frozenset[str]], Reading]
"""A question, its reading and findings of it -> the reading with what did not depend on the image made uncertain."""


class Compared:
    """Implements `tools.med_vlm.reading.Reader` around another: with a prior image it reads twice.

    To be put around everything else, so that the prior passes the same gates as the image of the study. The image-reliance probe costs
    several times the reading, and of a prior's reading nothing is shown but what became of its findings. So the prior is read unprobed, and
    proven is what a change rests on: a finding said to be there then, and decided now. That the model looks at all, the probe of today's
    image has shown, and an absent finding it leaves as it is in any reading.
    """

    def __init__(self, reader: Reader, *, unproven: Reader | None = None, prove: Prove | None = None) -> None:
        """`unproven`: the same reader behind the same gates, unprobed, and `prove` its probe. Without them `reader` reads the prior too."""
        self.name, self.fingerprint, self.profile = reader.name, reader.fingerprint, reader.profile
        self._reader, self._prior, self._prove = reader, unproven or reader, prove

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
        try:
            prior = self._read_prior(replace(asked, images=asked.priors, priors=(), question="", indication=""), reading)
        except MedVlmError as error:
            return reading.model_copy(update={"notes": (*reading.notes, f"the prior image was not compared: {error.code}")})
        return compared(reading, prior, asked.priors[0].sha256 or None)

    def _read_prior(self, before: Asked, reading: Reading) -> Reading:
        prior = self._prior.read(before)
        if self._prove is None or prior.abstained:
            return prior
        decided = {one.key for one in reading.findings if one.presence != "uncertain"}
        resting = frozenset(one.key for one in prior.findings if one.presence == "present" and one.key in decided)
        return self._prove(before, prior, resting) if resting else prior
