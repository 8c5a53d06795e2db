"""A model is the one that was calibrated as long as it answers like it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.codes import FINDING
from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.catalogue import open_reader, open_uncalibrated
from tools.med_vlm.errors import CalibrationUnusable, ModelServerUnreachable
from tools.med_vlm.identity import pins
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.trust import recalled as recalling
from tools.med_vlm.trust.calibration import Recalled
from tools.med_vlm.trust.calibration_folder import save
from tools.med_vlm.trust.fitted import Calibrated
from tools.med_vlm.trust.fitting import fit
from tools.med_vlm.trust.labelled import Labelled
from tools.med_vlm.trust.recalled import ASK_AGAIN, StillTheSame, recall, require_same
from tools.med_vlm.trust.space import shipped_space

ODDS = dict.fromkeys(FINDING, 0.3)


class Weights:
    """A server whose weights are put in by its tests: what it answers to everything, one after the other."""

    def __init__(self, *answers: Mapping[str, float] | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, asked: Asked) -> Mapping[str, float]:
        self.asked += 1
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, Exception):
            raise said
        return said


@pytest.mark.fault(68)
@pytest.mark.parametrize(
    ("said", "same"),
    [
        (ODDS, True),
        (ODDS | {"nodule": 0.35}, True),
        (ODDS | {"nodule": 0.6}, True),
        (ODDS | {"nodule": 0.75}, False),
        (ODDS | {"nodule": 0.05}, False),
        (ODDS | {"nodule": float("nan")}, False),
        ({key: value for key, value in ODDS.items() if key != "nodule"}, False),
        (ODDS | {"unheard_of": 0.3}, False),
    ],
)
def test_a_model_that_answers_otherwise_is_another(said: Mapping[str, float], same: bool, told: Any) -> None:
    known = recall(told(lambda _: ODDS))
    assert (known.chance, known.probabilities) == (0.0, ODDS)
    if same:
        require_same(told(lambda _: said), known)
    else:
        with pytest.raises(CalibrationUnusable, match="sidenote model calibrate"):
            require_same(told(lambda _: said), known)


@given(counts=st.lists(st.integers(1, 7), min_size=20, max_size=20), more=st.lists(st.integers(-1, 1), min_size=10, max_size=10))
def test_a_model_that_draws_its_answers_is_not_another_for_a_draw_that_falls_otherwise(
    counts: list[int], more: list[int], told: Any
) -> None:
    first, second = (dict(zip(FINDING, ((count + 0.5) / 9 for count in part), strict=True)) for part in (counts[:10], counts[10:]))
    known = recall(told(Weights(first, second)))
    later = {key: value + step / 9 for (key, value), step in zip(first.items(), more, strict=True)}
    require_same(told(lambda _: later), known)


@pytest.mark.fault(68)
def test_what_was_known_by_another_image_is_refused(told: Any) -> None:
    known = recall(told(lambda _: ODDS))
    with pytest.raises(CalibrationUnusable, match="another one in this version"):
        require_same(told(lambda _: ODDS), known.model_copy(update={"image": "0" * 64}))


@pytest.mark.fault(68)
def test_it_is_asked_now_and_then_and_again_at_once_after_a_refusal(told: Any) -> None:
    now, answers = [0.0], Weights(ODDS)
    known = recall(told(lambda _: ODDS))
    still = StillTheSame(told(answers), known, lambda: now[0])
    for _ in range(3):
        still.require()
    assert answers.asked == 1
    now[0] = ASK_AGAIN
    answers.answers = [dict.fromkeys(FINDING, 0.9), ModelServerUnreachable("no connection"), ODDS]
    for refusal in (CalibrationUnusable, ModelServerUnreachable):
        with pytest.raises(refusal):
            still.require()
    still.require()
    still.require()
    assert answers.asked == 4


@pytest.mark.fault(68)
def test_a_calibration_opens_with_its_model_asked_as_then_and_with_no_other(
    tiny: Callable[..., Path], told: Any, small_space: Any, picture: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tiny("llava")
    spec = ModelSpec(
        name="m", backend="transformers", source=str(folder), licence="mit", files=pins(folder), calibration=tmp_path, device="cpu"
    )
    reader = open_uncalibrated(spec)
    many = [Labelled(asked_of(picture(number % 7)), frozenset(), frozenset(FINDING)) for number in range(200)]
    made = fit(told(lambda _: ODDS), many, space=small_space)
    own: dict[str, Any] = {"fingerprint": reader.fingerprint, "space": shipped_space().fingerprint, "recalled": recall(reader)}
    save(replace(made, record=made.record.model_copy(update=own)), tmp_path)
    assert open_reader(spec).name == reader.name
    for change in ({"most_images": 2}, {"sees_priors": True}, {"samples": 3}, {"format": "prose"}):
        with pytest.raises(CalibrationUnusable, match="another model"):
            open_reader(spec.model_copy(update=change))
    other = own["recalled"].model_copy(update={"probabilities": dict.fromkeys(FINDING, 0.999)})
    save(replace(made, record=made.record.model_copy(update=own | {"recalled": other})), tmp_path)
    with pytest.raises(CalibrationUnusable, match="otherwise"):
        open_reader(spec)


@pytest.mark.fault(68)
def test_a_calibrated_reading_is_of_the_model_that_was_calibrated_or_there_is_none(
    told: Any, small_space: Any, picture: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Weights(ODDS)
    random, known = np.random.default_rng(0), frozenset(FINDING)
    many = (Labelled(asked_of(picture(number)), frozenset({"nodule"} if random.random() > 0.5 else ()), known) for number in range(130))
    fitted = fit(told(answers), many, space=small_space)
    assert isinstance(fitted.record.recalled, Recalled)
    monkeypatch.setattr(recalling, "ASK_AGAIN", 0.0)
    calibrated = Calibrated(told(answers), fitted, space=small_space)
    assert not calibrated.read(asked_of(picture(3))).abstained
    answers.answers = [dict.fromkeys(FINDING, 0.9)]
    with pytest.raises(CalibrationUnusable):
        calibrated.read(asked_of(picture(3)))
    answers.answers = [ODDS]
    assert calibrated.read(asked_of(picture(3))).calibrated
