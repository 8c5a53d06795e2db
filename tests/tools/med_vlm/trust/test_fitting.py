"""Calibration keeps what conformal prediction promises, and says where it cannot decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fhir.codes import FINDING
from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.compact.reading.calibration import LEVELS, fit_finding
from tools.med_vlm.errors import CalibrationDataRefused
from tools.med_vlm.trust import fitting
from tools.med_vlm.trust.calibration import Fitted
from tools.med_vlm.trust.fitting import FEWEST_CARRIERS, fit
from tools.med_vlm.trust.labelled import Labelled
from tools.med_vlm.trust.space import Space, shipped_space

F32 = NDArray[np.float32]
KEYS = frozenset(FINDING)


def shown(asked: Asked) -> Mapping[str, float]:
    """A reader of one pixel, which holds how sure it is of an effusion, badly scaled."""
    seen = float(asked.focal.pixels[0, 0])
    return dict.fromkeys(FINDING, 0.2) | {"pleural_effusion": seen, "pneumothorax": 1 - seen}


def examples(count: int, seed: int, picture: Callable[..., F32], *, known: frozenset[str] = KEYS, group: int = 1) -> Iterator[Labelled]:
    random = np.random.default_rng(seed)
    for number in range(count):
        there = bool(random.random() < 0.4)
        logit = random.normal(1.0 if there else -1.5, 1.2)
        image = picture(int(random.integers(1 << 30))).copy()
        image[0, 0] = 1 / (1 + np.exp(-3 * logit - 2))
        present = frozenset({"pleural_effusion"} if there else {"pneumothorax"})
        yield Labelled(asked_of(image), present & known, known, f"g{number // group}")


@pytest.fixture(scope="module")
def fitted(told: Any, small_space: Space, picture: Callable[..., F32]) -> Fitted:
    return fit(told(shown), examples(200, 1, picture), space=small_space)


@settings(max_examples=25)
@given(
    scores=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=45, max_size=160),
    asked=st.floats(0, 1),
)
def test_a_conformal_set_holds_what_its_p_value_says(scores: list[tuple[float, bool]], asked: float) -> None:
    """Against the definition: an answer is in the set at level 1 - a iff its p-value among the calibration images is above a."""
    logits, labels = np.array([score * 6 - 3 for score, _ in scores]), np.array([label for _, label in scores])
    one = fit_finding("nodule", logits, labels, np.zeros(0), None)
    calibrated, new = one.scaling.probability(logits), float(one.scaling.probability(np.array(asked * 6 - 3)))
    for level in one.levels:
        for answer, label, worse in (("present", True, 1), ("absent", False, -1)):
            own = calibrated[labels == label] * worse
            p_value = (np.sum(own <= new * worse) + 1) / (len(own) + 1)
            assert (answer in level.answers(new)) == bool(p_value > 1 - level.level + 1e-12) or len(own) < 9


def test_coverage_holds_over_many_calibrations() -> None:
    """Vovk's theorem, simulated: whatever the scores, of carriers and of others alike the answer holds the truth often enough."""
    held: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(100):
        random = np.random.default_rng(seed)
        labels = random.random(400) < 0.35
        logits = random.normal(np.where(labels, 0.8, -0.8), np.where(labels, 1.5, 0.7))
        half = np.arange(400) < 200
        one = fit_finding("nodule", logits[half], labels[half], np.zeros(0), None)
        answers = np.array([one.presence(float(p)) for p in one.scaling.probability(logits[~half])])
        for label, wrong in ((True, "absent"), (False, "present")):
            held[label].append(float((answers[labels[~half] == label] != wrong).mean()))
    for shares in held.values():
        assert np.mean(shares) >= min(LEVELS) - 3 * np.std(shares) / np.sqrt(len(shares))


def test_the_measured_coverage_of_a_badly_scaled_reader_is_as_promised(fitted: Fitted) -> None:
    (effusion,) = (one for one in fitted.record.measured if one.key == "pleural_effusion")
    for share in (effusion.coverage_present, effusion.coverage_absent):
        assert share.value is not None
        assert share.high is not None
        assert share.high >= 0.9
        assert share.total >= 30
    assert effusion.calibration_error is not None
    assert effusion.calibration_error < 0.15
    assert (effusion.auroc.value or 0) > 0.8
    assert (effusion.decided.value or 0) > 0.2


def test_a_reader_that_says_the_opposite_is_not_turned_round(told: Any, small_space: Space, picture: Callable[..., F32]) -> None:
    """Its slope is held above 0. What is promised holds all the same."""
    reader = told(lambda asked: {key: 1 - probability for key, probability in shown(asked).items()})
    (effusion,) = (
        one for one in fit(reader, examples(120, 1, picture), space=small_space).record.measured if one.key == "pleural_effusion"
    )
    assert (effusion.coverage_present.high or 0) >= 0.9
    assert (effusion.coverage_absent.high or 0) >= 0.9
    assert (effusion.auroc.value or 1) < 0.5


def test_too_few_carriers_are_never_decided_and_named(fitted: Fitted) -> None:
    assert set(fitted.record.never_decided) == KEYS - {"pleural_effusion", "pneumothorax"}
    never = [one for one in fitted.record.findings if one.key in fitted.record.never_decided]
    assert {one.presence(p / 100) for one in never for p in range(101)} == {"uncertain"}


def test_what_nobody_stated_neither_fits_nor_measures(told: Any, small_space: Space, picture: Callable[..., F32]) -> None:
    known = frozenset({"pneumothorax"})
    record = fit(told(shown), examples(100, 2, picture, known=known), space=small_space).record
    assert "pleural_effusion" in record.never_decided
    assert {one.decided.total for one in record.measured if one.key != "pneumothorax"} == {0}
    assert {one.calibration_error for one in record.measured if one.key == "pleural_effusion"} == {None}


@pytest.fixture
def few_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer images than a gate needs do for what is not about the gate."""
    monkeypatch.setattr(fitting, "FEWEST_IMAGES", 30)


@pytest.mark.usefixtures("few_do")
def test_images_of_one_patient_are_never_on_both_sides(told: Any, small_space: Space, picture: Callable[..., F32]) -> None:
    """One patient gives 24 of 40 images: they stay together, and so one half is large."""
    many = [replace(one, group="somebody" if n < 24 else f"g{n}") for n, one in enumerate(examples(40, 3, picture))]
    for seed in (0, 1):
        record = fit(told(shown), many, space=small_space, seed=seed).record
        assert record.fitted_on + record.measured_on == 40
        assert max(record.fitted_on, record.measured_on) >= 24
    with pytest.raises(CalibrationDataRefused, match="several patients"):
        fit(told(shown), [replace(one, group="one") for one in many], space=small_space)


@pytest.mark.usefixtures("few_do")
def test_too_few_images_are_refused_and_unreadable_ones_counted(told: Any, small_space: Space, picture: Callable[..., F32]) -> None:
    few = list(examples(29, 4, picture))
    broken = Labelled(asked_of(np.zeros((10, 10), np.float32)), frozenset(), KEYS)
    for too_few in ([], [*few, broken]):
        with pytest.raises(CalibrationDataRefused, match="30"):
            fit(told(shown), too_few, space=small_space)
    record = fit(told(shown), [*few, broken, few[0]], space=small_space).record
    assert (record.unreadable, record.fitted_on + record.measured_on) == (1, 30)


@pytest.mark.usefixtures("few_do")
def test_the_same_images_give_the_same_calibration(told: Any, small_space: Space, picture: Callable[..., F32]) -> None:
    once, again = (fit(told(shown), examples(40, 1, picture), space=small_space) for _ in range(2))
    assert once.record == again.record
    assert np.array_equal(once.gate.axes, again.gate.axes)


def test_the_gate_passes_pictures_like_these_and_refuses_others(fitted: Fitted, small_space: Space, picture: Callable[..., F32]) -> None:
    board = (np.indices((64, 64)).sum(0) // 4 % 2).astype(np.float32)
    strange = [board, 1 - board, np.tile(np.linspace(0, 1, 64, dtype=np.float32) ** 8, (64, 1)), np.eye(64, dtype=np.float32)]
    alike = [picture(1_000_000 + seed) for seed in range(60)]
    near, far = (fitted.gate.distance(np.stack([small_space.look(each) for each in many])) for many in (alike, strange))
    assert np.mean(near <= fitted.gate.threshold) > 0.8
    assert far.min() > fitted.gate.threshold


def test_without_another_the_gate_is_in_the_space_that_ships(
    told: Any, picture: Callable[..., F32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "FEWEST_IMAGES", 14)
    assert fit(told(shown), examples(14, 6, picture)).record.space == shipped_space().fingerprint


def test_the_fewest_carriers_let_a_level_exclude_something() -> None:
    labels = np.arange(2 * FEWEST_CARRIERS) < FEWEST_CARRIERS
    one = fit_finding("nodule", np.where(labels, 3.0, -3.0) + np.linspace(0, 1, len(labels)), labels, np.zeros(0), None)
    assert {one.presence(float(p)) for p in one.scaling.probability(np.array([-5.0, 5.0]))} == {"absent", "present"}
