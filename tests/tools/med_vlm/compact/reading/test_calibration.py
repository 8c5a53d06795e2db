"""Probabilities, conformal sets and sides."""

from __future__ import annotations

import numpy as np
import pytest

from tools.med_vlm.compact.measuring.measure import calibration_error
from tools.med_vlm.compact.reading.calibration import ConformalLevel, FindingCalibration, Scaling, conformal_level, fit_finding, fit_scaling


def _drawn(count: int, seed: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.random(count) < 0.25
    return np.where(labels, gap, -gap) * 3 + random.normal(size=count) * 3, labels


def test_scaling_makes_overconfident_logits_honest() -> None:
    logits, labels = _drawn(4000, 1, 0.5)
    scaling = fit_scaling(logits * 5, labels)
    raw = Scaling(slope=1, offset=0).probability(logits * 5)
    assert calibration_error(raw, labels) > 0.1
    assert calibration_error(scaling.probability(logits * 5), labels) < 0.03


def test_scaling_never_turns_the_order_round() -> None:
    logits, labels = _drawn(500, 2, 0.5)
    assert fit_scaling(-logits, labels).slope > 0


def test_separable_logits_give_a_finite_scaling() -> None:
    labels = np.arange(100) < 20
    scaling = fit_scaling(np.where(labels, 5.0, -5.0), labels)
    assert np.isfinite([scaling.slope, scaling.offset]).all()


@pytest.mark.parametrize("gap", [0.2, 0.6, 1.5])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_conformal_answers_hold_the_truth_in_nine_of_ten_unseen_images(gap: float, seed: int) -> None:
    one = fit_finding("nodule", *_drawn(800, seed, gap), np.zeros(0), None)
    logits, labels = _drawn(4000, seed + 100, gap)
    answers = np.array([one.presence(float(p)) for p in one.scaling.probability(logits)])
    held = (answers == "uncertain") | ((answers == "present") == labels)
    assert held[labels].mean() > 0.86
    assert held[~labels].mean() > 0.86


def test_what_cannot_be_told_is_called_uncertain_and_not_guessed() -> None:
    logits, labels = _drawn(800, 6, 0.0)
    one = fit_finding("nodule", logits, labels, np.zeros(0), None)
    answers = [one.presence(float(p)) for p in one.scaling.probability(logits)]
    assert answers.count("uncertain") > 0.5 * len(answers)


def test_a_conformal_answer_against_the_odds_is_uncertain() -> None:
    level = ConformalLevel(level=0.9, present_from=0.1, absent_to=0.05)
    one = FindingCalibration(key="nodule", scaling=Scaling(slope=1, offset=0), levels=(level,), side=None)
    assert [one.presence(p) for p in (0.02, 0.15, 0.3, 0.6)] == ["absent", "uncertain", "uncertain", "present"]


def test_an_empty_set_is_filled_only_by_a_clearly_likelier_answer() -> None:
    level = ConformalLevel(level=0.9, present_from=0.97, absent_to=0.01)
    one = FindingCalibration(key="nodule", scaling=Scaling(slope=1, offset=0), levels=(level,), side=None)
    assert [one.presence(p) for p in (0.05, 0.3, 0.7, 0.95)] == ["absent", "uncertain", "uncertain", "present"]


def test_too_few_carriers_exclude_nothing() -> None:
    level = conformal_level(np.array([0.2, 0.9, 0.1]), np.array([True, True, False]), 0.9)
    assert level.answers(0.5) == ("present", "absent")


@pytest.mark.parametrize(
    ("right", "left", "side"),
    [(4.0, -4.0, "right"), (-4.0, 4.0, "left"), (4.0, 4.0, "bilateral"), (-4.0, -4.01, None), (-1.0, -3.0, "right")],
)
def test_the_side_follows_the_halves(right: float, left: float, side: str | None) -> None:
    one = FindingCalibration(key="nodule", scaling=Scaling(slope=1, offset=0), levels=(), side=Scaling(slope=1, offset=0))
    assert one.which_side(right, left) == side


def test_a_finding_without_a_side_never_gets_one() -> None:
    level = ConformalLevel(level=0.9, present_from=0.5, absent_to=0.4)
    one = FindingCalibration(key="cardiomegaly", scaling=Scaling(slope=1, offset=0), levels=(level,), side=None)
    assert one.which_side(9.0, -9.0) is None
    assert [one.presence(p) for p in (0.6, 0.45, 0.3)] == ["present", "uncertain", "absent"]
