"""The losses against hand computations."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from tools.med_vlm.adapting.losses import HOTTEST, info_nce, recall, sigmoid, similarities

LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 0.3], [1.0, -0.2, 0.7]])
ALIKE = torch.tensor([[True, False, True], [False, True, False], [True, False, True]])


def test_info_nce_with_one_right_match_each_is_the_symmetric_cross_entropy() -> None:
    wanted = torch.arange(3)
    expected = (functional.cross_entropy(LOGITS, wanted) + functional.cross_entropy(LOGITS.T, wanted)) / 2
    assert torch.allclose(info_nce(LOGITS, torch.eye(3, dtype=torch.bool)), expected)


def test_info_nce_spreads_a_row_over_its_right_matches() -> None:
    total = 0.0
    for table in (LOGITS, LOGITS.T):
        for row, right in zip(table.tolist(), ALIKE.tolist(), strict=True):
            norm = math.log(sum(math.exp(value) for value in row))
            matches = [value for value, one in zip(row, right, strict=True) if one]
            total -= sum(value - norm for value in matches) / len(matches) / 3
    assert float(info_nce(LOGITS, ALIKE)) == pytest.approx(total / 2, rel=1e-6)


def test_the_sigmoid_loss_takes_each_pair_by_itself() -> None:
    expected = 0.0
    for row, right in zip(LOGITS.tolist(), ALIKE.tolist(), strict=True):
        expected += sum(math.log(1 + math.exp(-(1 if one else -1) * (value - 0.5))) for value, one in zip(row, right, strict=True))
    assert float(sigmoid(LOGITS, torch.tensor(-0.5), ALIKE)) == pytest.approx(expected / 3, rel=1e-6)


def test_a_report_of_the_same_meaning_is_no_wrong_match() -> None:
    together = torch.full((2, 2), 5.0)
    alone, both = torch.eye(2, dtype=torch.bool), torch.ones(2, 2, dtype=torch.bool)
    together.requires_grad_(requires_grad=True)
    (pulled,) = torch.autograd.grad(info_nce(together, both), together)
    (pushed,) = torch.autograd.grad(info_nce(together, alone), together)
    assert float(pulled.abs().max()) < 1e-6 < float(pushed.abs().max())


def test_the_scale_has_an_upper_end() -> None:
    one = torch.ones(1, 1)
    assert float(similarities(one, one, torch.tensor(50.0))) == pytest.approx(math.exp(HOTTEST))


def test_recall_counts_any_right_report() -> None:
    images, texts = torch.eye(3), torch.eye(3)[[0, 2, 1]]
    assert recall(images, texts, torch.eye(3, dtype=torch.bool), 1) == pytest.approx(1 / 3)
    assert recall(images, texts, torch.eye(3, dtype=torch.bool), 10) == 1.0
