"""Comparison with the prior for every `Reader`: it reads the prior image too, and the two readings are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tools.med_vlm.asked import Asked
from tools.med_vlm.compared.comparison import compared
from tools.med_vlm.compared.statements import borne_out
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

    Where no finding of today is decided no change can be told, as with every model without a calibration (ADR 0016): then the prior is not
    read. And what a model writes of a change on its own is shown only where the changes told here bear it out.
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
        """The reading with the change of each finding, if any could be told. A prior that cannot be read takes nothing of it, and is noted.

        Raises:
            MedVlmError: the study's own image could not be read.
        """
        reading = self._reader.read(asked)
        return reading if reading.abstained or not asked.priors else borne_out(self._beside_prior(asked, reading))

    def _beside_prior(self, asked: Asked, reading: Reading) -> Reading:
        if not _decided(reading):
            return reading.model_copy(update={"notes": (*reading.notes, "the prior image was not compared: no finding is decided")})
        try:
            prior = self._read_prior(replace(asked, images=asked.priors, priors=(), question="", indication=""), reading)
        except MedVlmError as error:
            return reading.model_copy(update={"notes": (*reading.notes, f"the prior image was not compared: {error.code}")})
        return compared(reading, prior, asked.priors[0].sha256 or None)

    def _read_prior(self, before: Asked, reading: Reading) -> Reading:
        prior = self._prior.read(before)
        if self._prove is None or prior.abstained:
            return prior
        resting = frozenset(one.key for one in prior.findings if one.presence == "present") & _decided(reading)
        return self._prove(before, prior, resting) if resting else prior


def _decided(reading: Reading) -> frozenset[str]:
    return frozenset(one.key for one in reading.findings if one.presence != "uncertain")
