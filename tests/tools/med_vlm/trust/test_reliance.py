"""A model that does not look at the image is found out every time; one that looks is not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fhir.codes import FINDING, FINDINGS
from tools.med_vlm.asked import Asked, Image, asked_of
from tools.med_vlm.asking.questioned import QuestionedReader
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.reader import CompactReader
from tools.med_vlm.doubles.fake import FixedReader, abstention
from tools.med_vlm.doubles.scripted import ScriptedModel
from tools.med_vlm.reading import FindingReading, Reading, Sentence
from tools.med_vlm.trust.references import shipped
from tools.med_vlm.trust.reliance import BLIND, Probed, blank, noise, probe, verdicts

F32 = NDArray[np.float32]
KEYS = tuple(FINDING)
EFFUSION = "pleural_effusion"
PRESENCES = ("present", "absent", "uncertain")


def fixed(probabilities: list[float]) -> Reading:
    found = zip(KEYS, probabilities, strict=True)
    return Reading(
        model="fixed double 1",
        fingerprint="0" * 64,
        abstained=False,
        reason="",
        calibrated=True,
        findings=tuple(FindingReading(key=k, presence="present" if p >= 0.5 else "absent", probability=p) for k, p in found),
        narrative=(Sentence(text="The image shows a pleural effusion.", findings=(EFFUSION,)),),
    )


@given(probabilities=st.lists(st.floats(0, 1), min_size=10, max_size=10), seed=st.integers(0, 2**32 - 1), most=st.integers(1, 5))
def test_a_reader_that_says_the_same_of_every_image_is_always_found_out(probabilities: list[float], seed: int, most: int) -> None:
    image = np.random.default_rng(seed).random((64, 64), dtype=np.float32)
    reading = Probed(FixedReader(fixed(probabilities)), shipped(), most=most).read(asked_of(image))
    assert (reading.abstained, reading.reason) == (True, BLIND)
    assert (reading.findings, reading.narrative) == ((), ())


@given(indication=st.text(max_size=40), age=st.none() | st.floats(0, 110), seed=st.integers(0, 2**32 - 1))
def test_a_reader_of_the_words_alone_is_always_found_out(indication: str, age: float | None, seed: int) -> None:
    """Sycophancy towards the indication is no reading of the image."""

    class Wordy(FixedReader):
        def probabilities(self, asked: Asked) -> Mapping[str, float]:
            words = f"{asked.indication}/{asked.age_years}/{asked.question}"
            return dict(zip(KEYS, np.random.default_rng(list(hashlib.sha256(words.encode()).digest())).random(10), strict=True))

        def read(self, asked: Asked) -> Reading:
            return fixed([float(p) for p in self.probabilities(asked).values()])

    image = np.random.default_rng(seed).random((64, 64), dtype=np.float32)
    asked = Asked((Image(image, view="PA"),), indication=indication, age_years=age)
    assert Probed(Wordy(fixed([0.1] * 10)), shipped()).read(asked).reason == BLIND


def test_a_back_end_that_does_not_look_is_found_out_behind_its_questions(picture: Callable[..., F32]) -> None:
    reader = QuestionedReader(ScriptedModel({EFFUSION: 0.97}))
    assert Probed(reader, shipped()).read(asked_of(picture(1))).reason == BLIND


@pytest.mark.parametrize("draws", [3, 5, 10, 20])
def test_a_blind_reader_that_draws_its_answers_hardly_ever_seems_to_look(draws: int) -> None:
    """Its answers differ from call to call, and no more between images than for the same one."""
    taken_in = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        first, again, *others = (dict(zip(KEYS, row, strict=True)) for row in random.binomial(draws, random.random(10), (8, 10)) / draws)
        taken_in += "moved" in verdicts(first, again, others, frozenset(KEYS)).values()
    assert taken_in <= 4


def test_the_compact_model_looks(reader: CompactReader, phantoms: tuple[TrainingExample, ...]) -> None:
    @cache
    def known(digest: str) -> Mapping[str, float]:
        return reader.probabilities(asked_of(images[digest]))

    images: dict[str, F32] = {}

    class Remembering:
        """The compact model; it is not asked twice of the same pixels, since it says the same."""

        name, fingerprint, profile = reader.name, reader.fingerprint, reader.profile

        def read(self, asked: Asked) -> Reading:
            return reader.read(asked)

        def probabilities(self, asked: Asked) -> Mapping[str, float]:
            digest = hashlib.sha256(asked.focal.pixels.tobytes()).hexdigest()
            images[digest] = asked.focal.pixels
            return known(digest)

    readings = [Probed(Remembering(), shipped()).read(asked_of(example.image)) for example in phantoms[:10]]
    read = [reading for reading in readings if not reading.abstained]
    assert len(read) >= 7
    assert BLIND not in [reading.reason for reading in readings]
    verdicts_of = {presence: [f.reliance for one in read for f in one.findings if f.presence == presence] for presence in PRESENCES}
    assert set(verdicts_of["present"]) == {"moved"}
    assert np.mean([verdict == "moved" for each in verdicts_of.values() for verdict in each]) > 0.9


def half_blind(asked: Asked) -> Mapping[str, float]:
    """Sees a pneumothorax where the picture is smooth, and always says there is an effusion."""
    pixels = asked.focal.pixels
    rough = float(np.abs(np.diff(pixels, axis=1)).mean())
    there = 0.9 if 0.001 < rough < 0.05 else 0.2
    return dict.fromkeys(KEYS, 0.1) | {"pneumothorax": there, EFFUSION: 0.95}


def test_a_present_finding_that_does_not_move_becomes_uncertain_and_its_sentences_go(told: Any, picture: Callable[..., F32]) -> None:
    narrative = (
        Sentence(text="There is a left pleural effusion.", findings=(EFFUSION,)),
        Sentence(text="There is a pneumothorax and an effusion.", findings=("pneumothorax", EFFUSION)),
        Sentence(text="There is a pneumothorax.", findings=("pneumothorax",)),
        Sentence(text="No nodule is seen.", findings=("nodule",)),
    )
    reading = Probed(told(half_blind, narrative=narrative), shipped()).read(asked_of(picture(3)))
    found = {finding.key: finding for finding in reading.findings}
    assert not reading.abstained
    assert (found["pneumothorax"].presence, found["pneumothorax"].reliance) == ("present", "moved")
    assert (found[EFFUSION].presence, found[EFFUSION].reliance, found[EFFUSION].side) == ("uncertain", "unmoved", None)
    assert found[EFFUSION].probability == 0.95
    assert (found["nodule"].presence, found["nodule"].reliance) == ("absent", "unmoved")
    assert [sentence.text for sentence in reading.narrative] == ["There is a pneumothorax.", "No nodule is seen."]
    assert reading.notes == (
        "uncertain, since the answer is the same without the image: pleural effusion",
        "left out for that reason: 2 sentences",
    )


def test_what_an_uncalibrated_reader_leans_to_goes_as_well(told: Any, picture: Callable[..., F32]) -> None:
    narrative = (Sentence(text="There is a left pleural effusion.", findings=(EFFUSION,)),)
    reading = Probed(told(half_blind, narrative=narrative, calibrated=False), shipped()).read(asked_of(picture(3)))
    assert reading.narrative == ()
    assert {finding.presence for finding in reading.findings} == {"uncertain"}


def test_with_one_other_image_what_it_does_not_show_is_untested(told: Any, picture: Callable[..., F32]) -> None:
    reader = told(half_blind)
    reading = Probed(reader, shipped(), most=1).read(asked_of(picture(3)))
    untested = {finding.key for finding in reading.findings if finding.reliance == "untested"}
    assert untested
    assert untested.isdisjoint({"pneumothorax", EFFUSION})
    assert len(reader.asked) == 4


def test_it_costs_seven_calls_at_most(told: Any, picture: Callable[..., F32]) -> None:
    reader = told(half_blind)
    Probed(reader, shipped()).read(asked_of(picture(3)))
    assert (len(reader.read_of), len(reader.asked)) == (1, 7)


def test_of_several_images_the_focal_one_is_probed_alone(told: Any, picture: Callable[..., F32]) -> None:
    """Otherwise a model that looks at the other view alone would seem to depend on this one."""
    reader = told(half_blind)
    asked = Asked((Image(picture(3)), Image(picture(4))), priors=(Image(picture(5)),))
    Probed(reader, shipped()).read(asked)
    assert {len(one.images) for one in reader.asked} == {1}
    assert all(one.priors is asked.priors for one in reader.asked)
    assert len(reader.asked) == 8


def test_an_abstention_is_not_probed() -> None:
    silent = abstention("double", "f" * 64, "told to")
    reading = Probed(FixedReader(silent), shipped()).read(asked_of(np.random.default_rng(0).random((64, 64), dtype=np.float32)))
    assert reading is silent


def test_the_probed_reader_is_named_as_the_one_inside(told: Any, picture: Callable[..., F32]) -> None:
    reader = told(half_blind)
    probed = Probed(reader, ())
    assert (probed.name, probed.fingerprint, probed.profile) == (reader.name, reader.fingerprint, reader.profile)
    assert probed.probabilities(asked_of(picture(1))) == half_blind(asked_of(picture(1)))


def test_a_blank_keeps_the_mean_and_noise_keeps_the_grey_levels(picture: Callable[..., F32]) -> None:
    image = picture(2)
    assert np.ptp(blank(image)) == 0
    assert blank(image).mean() == pytest.approx(image.mean(), abs=1e-6)
    assert np.array_equal(np.sort(noise(image), axis=None), np.sort(image, axis=None))
    assert np.array_equal(noise(image), noise(image))
    assert abs(np.corrcoef(noise(image)[:, 1:].ravel(), noise(image)[:, :-1].ravel())[0, 1]) < 0.1


@given(by=st.floats(-0.6, 0.6))
def test_a_finding_moves_by_a_tenth_or_not_at_all(by: float) -> None:
    first = {"nodule": 0.3}
    moved = verdicts(first, first, [{"nodule": max(0.3 + by, 0.0)}], frozenset({"nodule"}))["nodule"]
    assert moved == ("moved" if abs(max(0.3 + by, 0.0) - 0.3) >= 0.1 else "unmoved")


def test_the_verdicts_are_of_all_findings(told: Any, picture: Callable[..., F32]) -> None:
    reader = told(half_blind)
    asked = asked_of(picture(3))
    assert set(probe(reader, asked, reader.read(asked), shipped(), 4)) == {finding.key for finding in FINDINGS}


def test_nothing_more_is_asked_once_all_that_is_sought_has_moved() -> None:
    first, asked = dict.fromkeys(KEYS, 0.9), []

    def answers() -> Iterator[Mapping[str, float]]:
        for moved in (("nodule",), (EFFUSION,), KEYS):
            asked.append(moved)
            yield first | dict.fromkeys(moved, 0.1)

    told = verdicts(first, first, answers(), frozenset(KEYS), frozenset({"nodule", EFFUSION}))
    assert asked == [("nodule",), (EFFUSION,)]
    assert (told["nodule"], told[EFFUSION]) == ("moved", "moved")
    assert set(verdicts(first, first, answers(), frozenset(KEYS)).values()) == {"moved"}
    assert set(verdicts(first, first, iter(()), frozenset(KEYS), frozenset()).values()) == {"unmoved"}
