"""A reader bound to its calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fhir.codes import FINDING
from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.doubles.fake import FixedReader, abstention
from tools.med_vlm.errors import CalibrationUnusable
from tools.med_vlm.reading import Reader, Reading, Sentence
from tools.med_vlm.trust.calibration import Fitted
from tools.med_vlm.trust.calibration_folder import save
from tools.med_vlm.trust.fitted import Calibrated, load_fitted
from tools.med_vlm.trust.fitting import fit
from tools.med_vlm.trust.labelled import Labelled
from tools.med_vlm.trust.references import shipped
from tools.med_vlm.trust.reliance import Probed
from tools.med_vlm.trust.space import Space

F32 = NDArray[np.float32]
EFFUSION = "pleural_effusion"
NARRATIVE = (
    Sentence(text="There is a left pleural effusion.", findings=(EFFUSION,)),
    Sentence(text="No pleural effusion.", findings=(EFFUSION,)),
    Sentence(text="There is a pulmonary nodule.", findings=("nodule",)),
    Sentence(text="The patient is rotated."),
)


def timid(asked: Asked) -> Mapping[str, float]:
    """Knows an effusion by the first pixel, and never dares to go above 0.3."""
    return dict.fromkeys(FINDING, 0.2) | {EFFUSION: 0.02 + 0.28 * float(asked.focal.pixels[0, 0])}


def marked(picture: F32, value: float) -> F32:
    made = picture.copy()
    made[0, 0] = value
    return made


@pytest.fixture(scope="module")
def fitted(told: Any, small_space: Space, picture: Callable[..., F32]) -> Fitted:
    random, known = np.random.default_rng(0), frozenset(FINDING)
    many = []
    for number in range(160):
        there = number % 2 == 0
        value = float(np.clip(random.normal(0.85 if there else 0.15, 0.12), 0, 1))
        many.append(Labelled(asked_of(marked(picture(number), value)), frozenset({EFFUSION} if there else ()), known))
    return fit(told(timid), many, space=small_space)


@pytest.fixture
def timid_reader(told: Any) -> Any:
    return told(timid, narrative=NARRATIVE, calibrated=False)


@pytest.fixture
def calibrated(timid_reader: Reader, fitted: Fitted, small_space: Space) -> Calibrated:
    return Calibrated(timid_reader, fitted, space=small_space)


def test_a_reading_names_the_calibration_too_and_another_one_is_another_reader(
    calibrated: Calibrated, timid_reader: Any, fitted: Fitted, small_space: Space, picture: Callable[..., F32], tmp_path: Path
) -> None:
    save(fitted, tmp_path)
    kept = Calibrated(timid_reader, load_fitted(tmp_path, timid_reader.fingerprint), space=small_space)
    record = fitted.record.model_copy(update={"never_decided": (EFFUSION,)})
    other = Calibrated(timid_reader, replace(fitted, record=record), space=small_space)
    wider = Calibrated(timid_reader, replace(fitted, gate=replace(fitted.gate, centre=fitted.gate.centre + 1)), space=small_space)
    assert kept.fingerprint == calibrated.fingerprint
    assert len({calibrated.fingerprint, other.fingerprint, wider.fingerprint, timid_reader.fingerprint}) == 4
    noise = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    readings = [calibrated.read(asked_of(pixels)) for pixels in (picture(3), noise, np.zeros((64, 64), np.float32))]
    assert [reading.abstained for reading in readings] == [False, True, True]
    assert {reading.fingerprint for reading in readings} == {calibrated.fingerprint}


@pytest.mark.parametrize(("value", "presence"), [(0.95, "present"), (0.05, "absent"), (0.5, "uncertain")])
def test_presence_is_what_the_calibration_says_of_a_reader_that_never_says_yes(
    value: float, presence: str, calibrated: Calibrated, picture: Callable[..., F32]
) -> None:
    asked = asked_of(marked(picture(3), value))
    reading = calibrated.read(asked)
    effusion = reading.findings[0]
    assert (reading.calibrated, effusion.key, effusion.presence) == (True, EFFUSION, presence)
    assert effusion.probability == pytest.approx(calibrated.probabilities(asked)[EFFUSION])
    assert effusion.side == (None if presence == "absent" else "left")
    assert (effusion.probability > 0.8) == (presence == "present")


@pytest.mark.parametrize(("value", "kept"), [(0.95, [0, 3]), (0.05, [1, 3]), (0.5, [3])])
def test_sentences_that_say_otherwise_are_left_out_and_counted(
    value: float, kept: list[int], calibrated: Calibrated, picture: Callable[..., F32]
) -> None:
    reading = calibrated.read(asked_of(marked(picture(3), value)))
    assert reading.narrative == tuple(NARRATIVE[number] for number in kept)
    assert f"{4 - len(kept)} of the model's sentences left out: they say otherwise than the calibrated findings" in reading.notes


def test_what_the_calibration_has_too_few_examples_of_is_never_decided_and_named(
    calibrated: Calibrated, picture: Callable[..., F32]
) -> None:
    reading = calibrated.read(asked_of(marked(picture(3), 0.95)))
    assert {finding.presence for finding in reading.findings[1:]} == {"uncertain"}
    (note,) = (note for note in reading.notes if note.startswith("never decided"))
    assert "pulmonary nodule" in note
    assert "effusion" not in note


def test_on_an_image_unlike_the_calibrations_the_model_is_not_even_asked(
    timid_reader: Any, calibrated: Calibrated, picture: Callable[..., F32]
) -> None:
    strange = np.tile(np.linspace(0, 1, 64, dtype=np.float32) ** 8, (64, 1))
    reading = calibrated.read(asked_of(strange))
    assert reading.abstained
    assert "unlike those the model was calibrated on" in reading.reason
    assert reading.ood_score is not None
    assert reading.ood_threshold is not None
    assert reading.ood_score > reading.ood_threshold
    assert timid_reader.read_of == []
    assert "constant" in calibrated.read(asked_of(np.zeros((64, 64), np.float32))).reason
    assert not calibrated.read(asked_of(picture(5))).abstained


def test_an_abstention_of_the_model_stays_one(told: Any, fitted: Fitted, small_space: Space, picture: Callable[..., F32]) -> None:
    class Silent(told):  # type: ignore[misc]
        def read(self, asked: Asked) -> Reading:
            return abstention(self.name, self.fingerprint, "told to")

    reading = Calibrated(Silent(timid), fitted, space=small_space).read(asked_of(picture(5)))
    assert (reading.abstained, reading.reason) == (True, "told to")
    assert reading.ood_score is not None


@pytest.mark.fault(68)
def test_a_calibration_of_another_model_or_another_space_is_refused(
    fitted: Fitted, timid_reader: Any, small_space: Space, tmp_path: Path
) -> None:
    save(fitted, tmp_path)
    assert load_fitted(tmp_path, timid_reader.fingerprint).record == fitted.record
    with pytest.raises(CalibrationUnusable, match="another model"):
        load_fitted(tmp_path, "f" * 64)
    swapped = FixedReader(abstention("double", "f" * 64, "told to"))
    with pytest.raises(CalibrationUnusable, match="another model"):
        Calibrated(swapped, fitted, space=small_space)
    elsewhere = replace(fitted, record=fitted.record.model_copy(update={"space": "1" * 64}))
    with pytest.raises(CalibrationUnusable, match="other weights of the compact model"):
        Calibrated(timid_reader, elsewhere, space=small_space)


def test_the_probe_outside_sees_calibrated_probabilities(calibrated: Calibrated, picture: Callable[..., F32]) -> None:
    """A timid model moves by less than the probe's margin; its calibrated words move enough."""
    reading = Probed(calibrated, shipped(), most=1).read(asked_of(marked(picture(3), 0.95)))
    assert (reading.findings[0].presence, reading.findings[0].reliance) == ("present", "moved")
