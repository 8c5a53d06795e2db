"""The gate on vectors whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tools.med_vlm.compact.reading.ood import PASSING, Gate, fit, passing_score, spread_sample

F32 = NDArray[np.float32]


def _unit(vectors: F32) -> F32:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _like(count: int, seed: int) -> tuple[F32, F32]:
    random = np.random.default_rng(seed)
    embeddings = _unit(random.normal(size=(count, 16)).astype(np.float32) * 0.2 + np.eye(16, dtype=np.float32)[0])
    textures = random.normal(size=(count, 80)).astype(np.float32) * np.linspace(0.1, 3, 80, dtype=np.float32)
    return embeddings, textures


@pytest.fixture(scope="module")
def gate() -> Gate:
    train, calibration = _like(600, 1), _like(400, 2)
    return fit(train[0][:200], train[1], *calibration)


def test_nineteen_of_twenty_images_like_the_training_pass(gate: Gate) -> None:
    scores = gate.score(*_like(2000, 3))
    assert 0.02 < float((scores > gate.threshold).mean()) < 0.09


@pytest.mark.parametrize(("count", "passing"), [(19, PASSING), (39, PASSING), (199, PASSING), (99, 0.99), (199, 0.99)])
def test_over_all_draws_of_a_calibration_the_gate_refuses_what_it_is_set_for(count: int, passing: float) -> None:
    """The plain quantile of 39 would refuse seven in a hundred."""
    drawn = np.random.default_rng(6).random((4000, count), dtype=np.float32)
    refused = [1 - passing_score(scores, passing) for scores in drawn]
    assert np.mean(refused) == pytest.approx(1 - passing, abs=0.003)


def test_too_few_images_are_bounded_by_their_largest_score() -> None:
    assert passing_score(np.array([2, 5, 3], np.float32)) == 5


def test_another_direction_of_the_embedding_is_refused(gate: Gate) -> None:
    embeddings, textures = _like(100, 4)
    assert (gate.score(-embeddings, textures) > gate.threshold).all()


@pytest.mark.parametrize("axis", [0, 79])
def test_a_texture_far_off_along_a_narrow_or_a_wide_axis_is_refused(gate: Gate, axis: int) -> None:
    embeddings, textures = _like(100, 5)
    textures[:, axis] += 120 * np.linspace(0.1, 3, 80)[axis]
    assert (gate.score(embeddings, textures) > gate.threshold).mean() > 0.9


def test_without_a_bank_the_texture_decides_alone() -> None:
    train, (embeddings, textures) = _like(600, 1), _like(400, 2)
    gate = fit(train[0][:0], train[1], embeddings, textures, 0.99)
    embeddings, textures = _like(2000, 3)
    assert 0.002 < float((gate.score(embeddings, textures) > gate.threshold).mean()) < 0.03
    assert np.array_equal(gate.score(embeddings, textures), gate.score(-embeddings, textures))
    textures[:, 0] += 12
    assert (gate.score(embeddings, textures) > gate.threshold).all()


@pytest.mark.parametrize(("count", "axes"), [(3, 1), (24, 12), (60, 30), (600, 40)])
def test_few_images_and_short_textures_leave_half_of_the_axes_over(count: int, axes: int) -> None:
    """The last axis of few images is chance and has no length: it alone would decide."""
    embeddings, textures = _like(count, 1)
    gate = fit(embeddings, textures, *_like(max(count, 40), 2))
    assert len(gate.axes) == axes
    assert gate.rest > 0.01
    assert float((gate.score(*_like(500, 3)) > gate.threshold).mean()) < 0.2


def test_the_bank_sample_is_seeded_and_without_repeats() -> None:
    rows = spread_sample(50, 20, 7)
    assert len(set(rows.tolist())) == 20
    assert np.array_equal(rows, spread_sample(50, 20, 7))
    assert np.array_equal(spread_sample(5, 20, 7), np.arange(5))
