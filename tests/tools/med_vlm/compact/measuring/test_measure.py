"""Measures against known values and an independent implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.med_vlm.compact.measuring.measure import (
    auroc,
    auroc_by_patient,
    auroc_interval,
    calibration_error,
    macro_auroc,
    proportion,
    reliability,
    resampled,
    risk_coverage,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_auroc_is_the_share_of_rightly_ordered_pairs(rows: list[tuple[int, bool]]) -> None:
    scores, labels = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    pairs = [(yes > no) + 0.5 * (yes == no) for yes in scores[labels] for no in scores[~labels]]
    if pairs:
        assert auroc(scores, labels) == pytest.approx(np.mean(pairs))
    else:
        assert math.isnan(auroc(scores, labels))


def test_the_interval_holds_the_estimate_and_narrows_with_more_data() -> None:
    random = np.random.default_rng(0)
    labels = random.random(2000) < 0.3
    scores = labels + random.normal(size=2000)
    large, small = auroc_interval(scores, labels), auroc_interval(scores[:100], labels[:100])
    assert large.low < large.value < large.high
    assert large.high - large.low < small.high - small.low
    assert auroc_interval(scores, labels) == large


@pytest.mark.parametrize(("hits", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)])
def test_wilson_intervals_are_the_published_ones(hits: int, total: int, low: float, high: float) -> None:
    found = proportion(hits, total)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-4)


def test_calibration_error_of_a_sure_and_wrong_model_is_large() -> None:
    labels = np.arange(100) < 50
    assert calibration_error(np.full(100, 0.5), labels) == pytest.approx(0, abs=1e-9)
    assert calibration_error(np.where(labels, 0.02, 0.98), labels) == pytest.approx(0.98, abs=1e-9)


def test_images_of_one_patient_are_one_witness() -> None:
    """The same figures from a hundred patients or from ten: ten leave more doubt."""
    random = np.random.default_rng(0)
    labels = np.arange(100) % 2 == 0
    scores = labels + random.normal(size=100)
    many = auroc_by_patient(scores, labels, [str(row) for row in range(100)])
    few = auroc_by_patient(np.repeat(scores[:10], 10), np.repeat(labels[:10], 10), [str(row // 10) for row in range(100)])
    assert many.value == auroc(scores, labels)
    assert many.high - many.low < few.high - few.low


def test_patients_are_resampled_whole() -> None:
    for rows in resampled(["a", "b", "b", "c", "b"], 0, 20):
        counts = np.bincount(rows, minlength=5)
        assert counts[1] == counts[2] == counts[4]
        assert counts[0] + counts[1] + counts[3] == 3


def test_too_few_patients_give_no_interval() -> None:
    found = auroc_by_patient(np.array([0.1, 0.9]), np.array([False, True]), ["a", "b"])
    assert (found.value, found.low, found.high) == (1.0, 0.0, 1.0)


def test_the_macro_is_the_mean_over_what_is_known() -> None:
    random = np.random.default_rng(0)
    labels, known = random.random((80, 3)) < 0.4, np.ones((80, 3), dtype=bool)
    labels[:, 2] = False
    known[40:, 1] = False
    scores = labels + random.normal(size=(80, 3))
    found = macro_auroc(scores, labels, known, [str(row) for row in range(80)])
    expected = np.mean([auroc(scores[:, 0], labels[:, 0]), auroc(scores[:40, 1], labels[:40, 1])])
    assert found.value == pytest.approx(expected)
    assert found.low < found.value < found.high
    assert (found.positives, found.total) == (2, 80)


def test_reliability_bins_hold_every_image_and_their_means() -> None:
    probabilities, labels = np.array([0.05, 0.07, 0.55, 1.0]), np.array([False, True, True, True])
    assert reliability(probabilities, labels) == ((0.06, 0.5, 2), (0.55, 1.0, 1), (1.0, 1.0, 1))


def test_risk_falls_where_the_surest_answers_are_right() -> None:
    probabilities = np.array([0.99, 0.01, 0.9, 0.6])
    labels = np.array([True, False, True, False])
    curve = risk_coverage(probabilities, labels, points=4)
    assert curve == ((0.25, 0.0), (0.5, 0.0), (0.75, 0.0), (1.0, 0.25))
    assert risk_coverage(np.zeros(0), np.zeros(0, dtype=bool)) == ()
