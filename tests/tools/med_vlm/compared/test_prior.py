"""Whatever the reader, the prior is read by it too, and a prior that cannot be read takes nothing from the reading."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.compared.comparison import compared
from tools.med_vlm.compared.prior import Compared
from tools.med_vlm.doubles.fake import PROFILE, SeededReader
from tools.med_vlm.errors import MedVlmError, ModelOutputInvalid
from tools.med_vlm.reading import Reading

NOW = np.random.default_rng(0).random((80, 80), dtype=np.float32)
BEFORE = np.random.default_rng(1).random((80, 80), dtype=np.float32)
ASKED = Asked((Image(NOW),), priors=(Image(BEFORE, sha256="b" * 64),), question="a new effusion?", indication="cough")


class Listening:
    """A seeded reader that remembers what it was asked, and fails at the images it was told to fail at."""

    name, fingerprint, profile = SeededReader.name, SeededReader.fingerprint, PROFILE

    def __init__(self, error: MedVlmError | None = None, at: int = -1) -> None:
        self.heard: list[Asked] = []
        self._error, self._at = error, at

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        return SeededReader().probabilities(asked)

    def read(self, asked: Asked) -> Reading:
        self.heard.append(asked)
        if self._error is not None and len(self.heard) == self._at:
            raise self._error
        return SeededReader().read(asked)


def test_the_prior_is_read_by_the_same_reader_and_compared() -> None:
    reader = Listening()
    reading = Compared(reader).read(ASKED)
    alone, before = SeededReader().read(ASKED), SeededReader().read(Asked((Image(BEFORE),)))
    assert reading == compared(alone, before, "b" * 64)
    assert all(one.change is not None for one in reading.findings)
    assert [(one.question, one.indication, one.priors) for one in reader.heard[1:]] == [("", "", ())]


def test_without_a_prior_it_reads_once() -> None:
    reader = Listening()
    reading = Compared(reader).read(Asked((Image(NOW),)))
    assert reading == SeededReader().read(Asked((Image(NOW),)))
    assert len(reader.heard) == 1


def test_an_abstention_does_not_ask_for_the_prior() -> None:
    reader = Listening()
    flat = Asked((Image(np.zeros((80, 80), np.float32)),), priors=ASKED.priors)
    assert Compared(reader).read(flat).abstained
    assert len(reader.heard) == 1


def test_a_prior_that_cannot_be_read_is_noted_by_its_code_alone() -> None:
    reading = Compared(Listening(ModelOutputInvalid("something"), at=2)).read(ASKED)
    assert reading.notes == ("the prior image was not compared: model_output_invalid",)
    assert reading.compared_with is None
    assert all(one.change is None for one in reading.findings)


def test_a_study_that_cannot_be_read_is_the_readers_error() -> None:
    with pytest.raises(ModelOutputInvalid):
        Compared(Listening(ModelOutputInvalid("something"), at=1)).read(ASKED)


def test_bare_probabilities_and_the_name_are_the_readers() -> None:
    around, within = Compared(SeededReader()), SeededReader()
    assert around.probabilities(ASKED) == within.probabilities(ASKED)
    assert (around.name, around.fingerprint, around.profile) == (within.name, within.fingerprint, within.profile)
