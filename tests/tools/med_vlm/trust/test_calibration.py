"""What calibrating gives, as it is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.trust.calibration import SURE, logits_of


@given(probability=st.floats(0, 1))
def test_log_odds_are_finite_and_come_back(probability: float) -> None:
    (logit,) = logits_of(np.array([probability]))
    assert np.isfinite(logit)
    assert 1 / (1 + np.exp(-logit)) == pytest.approx(min(max(probability, SURE), 1 - SURE), abs=1e-9)


@given(probabilities=st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_log_odds_keep_the_order(probabilities: list[float]) -> None:
    ordered = np.array(sorted(probabilities))
    assert (np.diff(logits_of(ordered)) >= 0).all()
