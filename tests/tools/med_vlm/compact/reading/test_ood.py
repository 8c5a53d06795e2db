"""The gate on vectors whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tools.med_vlm.compact.reading.ood import PASSING, Gate, fit, passing_score

F32 = NDArray[np.float32]


def _like(count: int, seed: int) -> F32:
    drawn = np.random.default_rng(seed).normal(size=(count, 80)).astype(np.float32)
    return np.asarray(drawn * np.linspace(0.1, 3, 80, dtype=np.float32), dtype=np.float32)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return fit(_like(600, 1), _like(400, 2))


def _refused(gate: Gate, textures: F32) -> float:
    return float((gate.distance(textures) > gate.threshold).mean())


@pytest.mark.parametrize(("passing", "fewest", "most"), [(PASSING, 0.02, 0.09), (0.99, 0.002, 0.03)])
def test_of_images_like_the_training_the_share_asked_for_passes(passing: float, fewest: float, most: float) -> None:
    gate = fit(_like(600, 1), _like(400, 2), passing)
    assert fewest < _refused(gate, _like(2000, 3)) < most


def test_the_threshold_is_a_distance_of_a_calibration_image(gate: Gate) -> None:
    assert gate.threshold in gate.distance(_like(400, 2)).tolist()


def test_the_distance_is_that_of_mahalanobis_with_the_variances_of_the_gate(gate: Gate) -> None:
    """Against the definition: one inverse covariance, in which the kept axes count for one together and what they leave for another."""
    lengths = np.linalg.norm(gate.axes, axis=1, keepdims=True).astype(np.float64)
    units = gate.axes / lengths
    left_over = np.eye(80) - units.T @ units
    precision = (units / len(units) * lengths**2).T @ units + left_over / gate.rest
    moved = _like(50, 4).astype(np.float64) - gate.centre
    expected = np.sqrt(np.einsum("nt,ts,ns->n", moved, precision, moved))
    np.testing.assert_allclose(gate.distance(_like(50, 4)), expected, rtol=1e-3)


@pytest.mark.parametrize(("count", "passing"), [(19, PASSING), (39, PASSING), (199, PASSING), (99, 0.99), (199, 0.99)])
def test_over_all_draws_of_a_calibration_the_gate_refuses_what_it_is_set_for(count: int, passing: float) -> None:
    """The plain quantile of 39 would refuse seven in a hundred."""
    drawn = np.random.default_rng(6).random((4000, count), dtype=np.float32)
    refused = [1 - passing_score(scores, passing) for scores in drawn]
    assert np.mean(refused) == pytest.approx(1 - passing, abs=0.003)


def test_too_few_images_are_bounded_by_their_largest_score() -> None:
    assert passing_score(np.array([2, 5, 3], np.float32)) == 5


@pytest.mark.parametrize("axis", [0, 79])
def test_a_texture_far_off_along_a_narrow_or_a_wide_axis_is_refused(gate: Gate, axis: int) -> None:
    textures = _like(100, 5)
    textures[:, axis] += 120 * np.linspace(0.1, 3, 80)[axis]
    assert _refused(gate, textures) == 1


@pytest.mark.parametrize(("count", "axes"), [(3, 1), (24, 12), (60, 30), (600, 40)])
def test_few_images_and_short_textures_leave_half_of_the_axes_over(count: int, axes: int) -> None:
    """The last axis of few images is chance and has no length: it alone would decide."""
    gate = fit(_like(count, 1), _like(max(count, 40), 2))
    assert len(gate.axes) == axes
    assert gate.rest > 0.01
    assert _refused(gate, _like(500, 3)) < 0.2
