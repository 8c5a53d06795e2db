"""Whatever the reader, the prior is read by it too, and a prior that cannot be read takes nothing from the reading."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from fhir.codes import FINDING
from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.questioned import QuestionedReader
from tools.med_vlm.catalogue import guarded
from tools.med_vlm.compared.comparison import compared
from tools.med_vlm.compared.prior import Compared
from tools.med_vlm.doubles.fake import PROFILE, SeededReader
from tools.med_vlm.doubles.scripted import ScriptedModel
from tools.med_vlm.errors import MedVlmError, ModelOutputInvalid
from tools.med_vlm.reading import FindingReading, Reading, Sentence
from tools.med_vlm.trust.references import shipped
from tools.med_vlm.trust.reliance import Probed, blank

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


class Told:
    """Says of the two images, and of every other one, what it was told, and counts how often it is asked; unsure between .3 and .7."""

    name, fingerprint, profile = "told", "0" * 64, PROFILE

    def __init__(self, now: dict[str, float], then: dict[str, float], otherwise: dict[str, float]) -> None:
        self.times = 0
        self._told: tuple[tuple[NDArray[np.float32], dict[str, float]], ...] = ((NOW, now), (blank(NOW), {}), (BEFORE, then))
        self._otherwise = otherwise

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        self.times += 1
        said = next((said for pixels, said in self._told if np.array_equal(pixels, asked.focal.pixels)), self._otherwise)
        return dict.fromkeys(FINDING, 0.1) | said

    def read(self, asked: Asked) -> Reading:
        findings = tuple(
            FindingReading(key=key, probability=value, presence="present" if value > 0.7 else "absent" if value < 0.3 else "uncertain")
            for key, value in self.probabilities(asked).items()
        )
        return Reading(model="told", fingerprint=self.fingerprint, abstained=False, reason="", findings=findings, calibrated=True)


HEART, EFFUSION = "cardiomegaly", "pleural_effusion"
OTHERS = {"nodule": 0.9}
RESTING = [
    pytest.param({EFFUSION: 0.9}, {}, OTHERS, {EFFUSION: "new", HEART: "unchanged"}, 1, id="nothing was there then"),
    pytest.param({EFFUSION: 0.9}, {EFFUSION: 0.9}, OTHERS, {EFFUSION: "undecided", HEART: "unchanged"}, 3, id="there in both"),
    pytest.param({EFFUSION: 0.9}, {HEART: 0.9}, OTHERS, {EFFUSION: "new", HEART: "resolved"}, 3, id="gone"),
    pytest.param({EFFUSION: 0.9}, {HEART: 0.9}, {HEART: 0.9, **OTHERS}, {EFFUSION: "new", HEART: "undecided"}, 5, id="it always says so"),
    pytest.param({EFFUSION: 0.9, HEART: 0.5}, {HEART: 0.9}, OTHERS, {EFFUSION: "new", HEART: "undecided"}, 1, id="open today"),
]


@pytest.mark.parametrize(("now", "then", "otherwise", "changes", "times"), RESTING)
def test_of_the_prior_only_what_a_change_rests_on_is_proven_and_changes_are_as_if_all_was(
    now: dict[str, float], then: dict[str, float], otherwise: dict[str, float], changes: dict[str, str], times: int
) -> None:
    reader = Told(now, then, otherwise)
    probed = Probed(reader, shipped())
    alone = probed.read(Asked((Image(NOW),)))
    before, reader.times = reader.times, 0
    lean = Compared(probed, unproven=reader, prove=probed.proven).read(ASKED)
    assert reader.times - before == times
    assert {one.key: one.change for one in lean.findings if one.key in changes} == changes
    assert {one.key: one.change for one in lean.findings} == {one.key: one.change for one in Compared(probed).read(ASKED).findings}
    assert [one.model_copy(update={"change": None}) for one in lean.findings] == list(alone.findings)


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


def test_where_nothing_of_today_is_decided_the_prior_is_not_read() -> None:
    """So it is with every model that nobody has calibrated: no change of it could be told."""
    reader = Told(dict.fromkeys(FINDING, 0.5), {EFFUSION: 0.9}, OTHERS)
    reading = Compared(reader).read(ASKED)
    assert reader.times == 1
    assert reading.notes == ("the prior image was not compared: no finding is decided",)
    assert (reading.compared_with, {one.change for one in reading.findings}) == (None, {None})


SAYS = ("There is a left pleural effusion.", "The effusion has increased.", "Cardiomegaly is unchanged.", "No new pneumothorax.")


def of_a_model_that_compares() -> QuestionedReader:
    """One that was shown the prior and writes of both."""
    profile = PROFILE.model_copy(update={"role": "generative reader", "sees_priors": True})
    script = json.dumps({"unit": "thousandths", "findings": [{"sentence": text, "boxes": []} for text in SAYS]})
    return QuestionedReader(ScriptedModel({"pleural_effusion": 0.9, "cardiomegaly": 0.9}, [[script]], profile=profile))


def chest(number: int) -> Image:
    return Image(shipped()[number].pixels, view="PA", modality="DX")


def test_a_model_that_nobody_calibrated_states_no_comparison_though_it_was_shown_the_prior() -> None:
    inner = of_a_model_that_compares()
    assert [one.text for one in inner.read(ASKED).narrative] == list(SAYS)
    reading = guarded(inner, others=0).read(Asked((chest(0),), priors=(chest(1),)))
    assert not reading.abstained
    assert [one.text for one in reading.narrative] == [SAYS[0]]
    assert reading.notes[-2:] == (
        "the prior image was not compared: no finding is decided",
        "left out: 3 comparisons that the two readings do not bear out",
    )
    assert reading.compared_with is None


def test_what_it_writes_of_a_change_is_shown_where_the_readings_bear_it_out() -> None:
    class Decided(Told):
        def read(self, asked: Asked) -> Reading:
            said = tuple(Sentence(text=text) for text in SAYS) if np.array_equal(asked.focal.pixels, NOW) else ()
            return super().read(asked).model_copy(update={"narrative": said})

    reading = Compared(Decided({EFFUSION: 0.9, HEART: 0.9}, {EFFUSION: 0.9, HEART: 0.9}, OTHERS)).read(ASKED)
    assert {one.key: one.change for one in reading.findings if one.key in (EFFUSION, "pneumothorax")} == {
        EFFUSION: "undecided",
        "pneumothorax": "unchanged",
    }
    assert [one.text for one in reading.narrative] == [SAYS[0], SAYS[3]]


def test_a_study_that_cannot_be_read_is_the_readers_error() -> None:
    with pytest.raises(ModelOutputInvalid):
        Compared(Listening(ModelOutputInvalid("something"), at=1)).read(ASKED)


def test_bare_probabilities_and_the_name_are_the_readers() -> None:
    around, within = Compared(SeededReader()), SeededReader()
    assert around.probabilities(ASKED) == within.probabilities(ASKED)
    assert (around.name, around.fingerprint, around.profile) == (within.name, within.fingerprint, within.profile)
