"""Measured figures on answers whose quality is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tools.med_vlm.compact.examples.store import GRID, Store
from tools.med_vlm.compact.heads import KEYS
from tools.med_vlm.compact.measuring.evaluate import (
    estimate,
    frontal,
    half_labels,
    measure_finding,
    measure_pointing,
    measure_retrieval,
    trusted,
)
from tools.med_vlm.compact.measuring.measure import Interval, proportion
from tools.med_vlm.compact.network import Output
from tools.med_vlm.compact.reading.calibration import fit_finding

EFFUSION = KEYS.index("pleural_effusion")


@pytest.fixture
def store() -> Store:
    """Sixty studies, every third with a right-sided effusion in the lower left of the image, ten of them lateral views."""
    count = 60
    present, sides, masked = (np.zeros((count, 10), np.uint8) for _ in range(3))
    masks = np.zeros((count, 10, GRID, GRID), np.uint8)
    carriers = np.arange(count) % 3 == 0
    present[carriers, EFFUSION], sides[carriers, EFFUSION], masked[carriers, EFFUSION] = 1, 1, 1
    masks[carriers, EFFUSION, 40:, :12] = 255
    views = np.where(np.arange(count) >= 50, 2, 0).astype(np.uint8)
    known, domains = np.ones((count, 10), np.uint8), np.zeros(count, np.uint8)
    return Store(
        np.zeros((count, 8, 8), np.uint8), masks, present, sides, masked, views, known, domains, ((),) * count, np.zeros(count, np.int64)
    )


@pytest.fixture
def perfect(store: Store) -> Output:
    truth = torch.from_numpy(store.present.astype(np.float32))
    cells = torch.full((60, 10, 12, 12), -6.0)
    cells[:, EFFUSION, 11, 0] = 6.0
    halves = torch.full((60, 10, 2), -6.0)
    halves[:, EFFUSION, 0] = truth[:, EFFUSION] * 12 - 6
    return Output(cells, truth * 12 - 6, halves, torch.zeros(60, 3), torch.zeros(60, 384), torch.zeros(60, 8), torch.zeros(60))


def test_a_perfect_answer_measures_as_perfect(store: Store, perfect: Output) -> None:
    rows = frontal(store)
    truth, known = half_labels(store, EFFUSION, rows)
    halves = perfect.halves[rows][:, EFFUSION].numpy()[known].reshape(-1)
    one = fit_finding(
        KEYS[EFFUSION], perfect.logits[rows][:, EFFUSION].numpy(), store.present[rows, EFFUSION] == 1, halves, truth.reshape(-1)
    )
    found = measure_finding(EFFUSION, one, perfect, store, localised=True)
    assert found.auroc.value == 1
    assert found.auroc.total == 50
    assert found.side_accuracy is not None
    assert found.side_accuracy.value == 1
    assert found.pointing.value == 1
    assert found.pointing_chance == pytest.approx(6 / 144, abs=1e-3)
    assert found.coverage == 1
    assert sum(count for _, _, count in found.reliability) == 50
    assert found.risk_coverage[-1] == (1.0, 0.0)


def test_pointing_elsewhere_is_a_miss_and_is_not_trusted(store: Store, perfect: Output) -> None:
    perfect.cells[:, EFFUSION, 0, 11] = 9.0
    hits, chance = measure_pointing(perfect, store, EFFUSION, frontal(store))
    assert hits.value == 0
    assert not trusted(hits, chance)


@pytest.mark.parametrize(
    ("hits", "total", "chance", "said"), [(38, 40, 0.1, True), (10, 10, 0.1, False), (38, 40, 0.7, False), (20, 40, 0.01, False)]
)
def test_regions_are_trusted_only_far_above_chance_and_on_enough_carriers(hits: int, total: int, chance: float, said: bool) -> None:
    assert trusted(proportion(hits, total), chance) is said


def test_retrieval_counts_reports_of_the_same_meaning() -> None:
    vectors = np.eye(4, dtype=np.float32)
    found = measure_retrieval(vectors, vectors[[1, 0, 3, 2]], np.array([0, 0, 1, 2]))
    assert found.first == pytest.approx(0.5)
    assert found.first_ten == 1
    assert found.chance_first == pytest.approx((0.5 + 0.5 + 0.25 + 0.25) / 4)


def test_what_cannot_be_estimated_is_written_as_none() -> None:
    assert estimate(Interval(float("nan"), float("nan"), float("nan"), 0, 9)).value is None
