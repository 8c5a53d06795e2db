"""The whole of a reading ends in time, or there is none: never a half one."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import pytest

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.compared.prior import Compared
from tools.med_vlm.deadline import require_time
from tools.med_vlm.doubles.fake import PROFILE, SeededReader
from tools.med_vlm.errors import ModelTimedOut
from tools.med_vlm.reading import Reading
from tools.med_vlm.timed import Timed
from tools.med_vlm.trust.references import shipped
from tools.med_vlm.trust.reliance import Probed

NOW, BEFORE = (np.random.default_rng(seed).random((64, 64), dtype=np.float32) for seed in (0, 1))
ALONE, WITH_PRIOR = Asked((Image(NOW),)), Asked((Image(NOW),), priors=(Image(BEFORE),))
STEP = 0.03


class Slow:
    """Takes its time over each answer, and asks before each whether there is any left, as back ends do."""

    name, fingerprint, profile = SeededReader.name, SeededReader.fingerprint, PROFILE

    def __init__(self) -> None:
        self.answers = 0

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        self._wait()
        return SeededReader().probabilities(asked)

    def read(self, asked: Asked) -> Reading:
        self._wait()
        return SeededReader().read(asked)

    def _wait(self) -> None:
        require_time()
        self.answers += 1
        time.sleep(STEP)


@pytest.mark.fault(66)
def test_a_probe_that_does_not_end_leaves_no_reading_without_its_verdicts() -> None:
    slow = Slow()
    with pytest.raises(ModelTimedOut) as raised:
        Timed(Probed(slow, shipped()), STEP * 1.5).read(ALONE)
    assert raised.value.retryable
    assert slow.answers < 4, "nothing more is asked for nobody"
    assert Timed(Probed(slow, shipped()), 60).read(ALONE) == Probed(Slow(), shipped()).read(ALONE)


@pytest.mark.fault(66)
def test_a_prior_that_does_not_end_is_not_compared_and_the_reading_is_whole() -> None:
    class SlowPrior(Slow):
        def read(self, asked: Asked) -> Reading:
            if np.array_equal(asked.focal.pixels, BEFORE):
                time.sleep(1)
            return super().read(asked)

    reading = Timed(Compared(SlowPrior()), 0.8).read(WITH_PRIOR)
    assert reading.notes == ("the prior image was not compared: model_timed_out",)
    assert [one.change for one in reading.findings] == [None] * len(reading.findings)
    assert reading.findings == SeededReader().read(ALONE).findings


def test_bare_probabilities_keep_to_it_too_and_the_rest_is_the_readers() -> None:
    timed = Timed(SeededReader(), 1)
    assert (timed.name, timed.fingerprint, timed.profile) == (SeededReader.name, SeededReader.fingerprint, PROFILE)
    assert timed.probabilities(ALONE) == SeededReader().probabilities(ALONE)
    with pytest.raises(ModelTimedOut):
        Timed(Slow(), 0).probabilities(ALONE)
