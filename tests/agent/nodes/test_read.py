"""read: one frontal radiograph of the patient, or the reason why none."""

from __future__ import annotations

import time
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from agent.asking import Words
from agent.nodes.read import Read, read_image, unsuitable
from agent.nodes.study import Facts, Seen
from fhir.study import IdentityCheck, Outcome, Picture, Study
from policies.outcome import PolicyOutcome
from tools.med_vlm.asked import Asked
from tools.med_vlm.deadline import require_time
from tools.med_vlm.doubles.fake import SeededReader
from tools.med_vlm.errors import ModelFilesChanged
from tools.med_vlm.reading import Reading
from tools.med_vlm.timed import Timed
from tools.med_vlm.trust.input_gate import Gated


def picture(view: str | None, name: str = "x") -> Picture:
    pixels = np.random.default_rng(1).random((32, 32), dtype=np.float32)
    return Picture(pixels, name, "dicom", MappingProxyType({} if view is None else {"ViewPosition": view}))


def study(*modality: str) -> Study:
    return Study("ImagingStudy/s", None, None, modality, None, None, None, None, (), (), ())


def seen(*pictures: Picture, modality: tuple[str, ...] = ("DX",), identity: Outcome = "match", refused: tuple[str, ...] = ()) -> Seen:
    return Seen(study(*modality), Facts("ImagingStudy/s", identity=IdentityCheck(identity, ()), refused=refused), pictures)


def test_a_policy_bars_the_model_before_it_looks() -> None:
    class Never(SeededReader):
        def read(self, asked: Asked) -> Reading:
            raise AssertionError("looked all the same")

    barred = PolicyOutcome(id="S01", version="1.0.0", title="t", outcome="fired", action="block", message="m", scope="image")
    done = read_image(seen(picture("PA")), Never(), image_model=True, barred=barred)
    assert done.reading is None
    assert done.facts is not None
    assert (done.facts.mode, done.facts.reason) == ("off", "policy S01 keeps the image model from reading")


def read(what: Seen, *, image_model: bool = True) -> Read:
    return read_image(what, SeededReader(), image_model=image_model)


def test_a_frontal_radiograph_is_read() -> None:
    done = read(seen(picture("PA", "me")))
    assert done.reading is not None
    assert done.facts is not None
    assert (done.facts.mode, done.image_sha256) == ("read", "me")
    assert [f.key for f in done.facts.findings] == [f.key for f in done.reading.findings]


@pytest.mark.parametrize(
    ("what", "mode", "says"),
    [
        (seen(picture("LL")), "off", "frontal"),
        (seen(identity="mismatch", refused=("image_wrong_patient",)), "off", "identity"),
        (seen(refused=("file_rejected",)), "refused", "file_rejected"),
    ],
)
def test_what_is_not_read_says_why(what: Seen, mode: str, says: str) -> None:
    done = read(what)
    assert done.reading is None
    assert done.facts is not None
    assert done.facts.mode == mode
    assert says in done.facts.reason


def test_without_any_image_there_is_nothing_to_say() -> None:
    assert read(seen()).facts is None


def test_the_switch_and_a_missing_model_are_told_apart() -> None:
    off, none = read(seen(picture("PA")), image_model=False), read_image(seen(picture("PA")), None, image_model=True)
    assert off.facts is not None
    assert none.facts is not None
    assert (off.facts.mode, none.facts.mode) == ("off", "off")
    assert off.facts.reason != none.facts.reason


@pytest.mark.fault(66)
def test_a_model_that_fails_leaves_a_review_without_a_reading() -> None:
    class Failing(SeededReader):
        def read(self, asked: Asked) -> Reading:
            raise ModelFilesChanged("weights", "another hash")

    done = read_image(seen(picture("PA")), Failing(), image_model=True)
    assert done.facts is not None
    assert (done.reading, done.facts.mode, done.facts.reason) == (None, "refused", "model_files_changed")


def soft() -> Picture:
    """What may be a radiograph by its pixels."""
    across, down = np.meshgrid(np.linspace(0, 1, 96), np.linspace(0, 1, 96))
    grey = (
        0.3
        + 0.2 * down
        + 0.3 * np.exp(-((across - 0.4) ** 2 + (down - 0.6) ** 2) * 20)
        + np.random.default_rng(0).normal(0, 0.01, (96, 96))
    )
    return Picture(grey.astype(np.float32), "x", "png", MappingProxyType({}))


@pytest.mark.parametrize(
    ("modality", "mode"), [(("CT",), "abstained"), (("MR", "CT"), "abstained"), (("CT", "DX"), "read"), (("DX",), "read"), ((), "read")]
)
def test_what_kind_of_image_it_is_the_models_gate_asks_alone_and_abstains(modality: tuple[str, ...], mode: str) -> None:
    what = seen(soft(), modality=modality)
    assert unsuitable(what) == ""
    done = read_image(what, Gated(SeededReader()), image_model=True)
    assert done.facts is not None
    assert (done.facts.mode, "another modality" in done.facts.reason) == (mode, mode == "abstained")
    assert done.reading is not None, "the review shows which model abstained, and why"


@pytest.mark.fault(66)
def test_a_reading_that_takes_too_long_is_none_and_says_so() -> None:
    class Slow(SeededReader):
        def read(self, asked: Asked) -> Reading:
            for _ in range(100):
                time.sleep(0.01)
                require_time()
            return super().read(asked)

    done = read_image(seen(picture("PA")), Timed(Slow(), 0.02), image_model=True)
    assert done.facts is not None
    assert (done.reading, done.facts.mode, done.facts.reason) == (None, "refused", "model_timed_out")


def test_the_prior_image_reaches_the_model_beside_the_one_of_today() -> None:
    class Seeing(SeededReader):
        def read(self, asked: Asked) -> Reading:
            shown.append((asked.focal.sha256, *(image.sha256 for image in asked.priors)))
            return super().read(asked)

    shown: list[tuple[str, ...]] = []
    read_image(replace(seen(picture("PA", "now")), prior=seen(picture("AP", "before"))), Seeing(), image_model=True)
    read_image(seen(picture("PA", "now")), Seeing(), image_model=True)
    assert shown == [("now", "before"), ("now",)]


def test_the_words_of_the_request_reach_the_model() -> None:
    class Hearing(SeededReader):
        def read(self, asked: Asked) -> Reading:
            heard.append((asked.question, asked.indication, asked.age_years, asked.sex))
            return super().read(asked)

    heard: list[tuple[str, str, float | None, str | None]] = []
    read_image(seen(picture("PA")), Hearing(), image_model=True, words=Words("Why?", "Cough", 71, "female"))
    assert heard == [("Why?", "Cough", 71, "female")]
