"""Measures against known values and an independent implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.med_vlm.compact.measure import auroc, auroc_interval, calibration_error, proportion


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
