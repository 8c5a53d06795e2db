"""What the losses reward."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tools.med_vlm.compact.example import KEYS
from tools.med_vlm.compact.losses import Batch, cell_loss, cell_targets, contrastive_loss, half_loss

EFFUSION, HEART = KEYS.index("pleural_effusion"), KEYS.index("cardiomegaly")


@pytest.fixture
def batch() -> Batch:
    present, sides, masks = torch.zeros(2, 10, dtype=torch.uint8), torch.zeros(2, 10, dtype=torch.uint8), torch.zeros(2, 10, 48, 48)
    present[0, EFFUSION], sides[0, EFFUSION] = 1, 1
    masks[0, EFFUSION, 40:48, 0:8] = 1
    texts = torch.nn.functional.normalize(torch.randn(2, 384, generator=torch.Generator().manual_seed(0)), dim=1)
    return Batch(
        torch.rand(2, 1, 64, 64), masks, present, sides, (present > 0).to(torch.uint8), torch.zeros(2), texts, torch.tensor([0, 1])
    )


def test_the_best_covered_cell_of_the_smallest_mask_is_wanted_in_full() -> None:
    masks = torch.zeros(1, 1, 48, 48)
    masks[0, 0, 10, 10] = 0.3
    targets = cell_targets(masks, 12, 12)
    assert float(targets[0, 0, 2, 2]) == 1
    assert float(targets.sum()) == 1


def test_cells_in_the_mask_cost_less_than_cells_beside_it(batch: Batch) -> None:
    right, wrong = torch.full((2, 10, 12, 12), -6.0), torch.full((2, 10, 12, 12), -6.0)
    right[0, EFFUSION, 10:12, 0:2] = 6
    wrong[0, EFFUSION, 0:2, 10:12] = 6
    assert float(cell_loss(right, batch)) < 0.1
    assert float(cell_loss(wrong, batch)) > 3


def test_a_finding_without_a_mask_teaches_no_cell(batch: Batch) -> None:
    unmasked = replace(batch, masked=torch.zeros_like(batch.masked), masks=torch.zeros_like(batch.masks))
    cells = torch.zeros(2, 10, 12, 12, requires_grad=True)
    torch.autograd.backward(cell_loss(cells, unmasked))
    assert cells.grad is not None
    assert float(cells.grad[0, EFFUSION].abs().sum()) == 0
    assert float(cells.grad[1, EFFUSION].abs().sum()) > 0


def test_the_half_loss_knows_left_from_right_and_leaves_the_heart_alone(batch: Batch) -> None:
    right = torch.full((2, 10, 2), -6.0)
    right[0, EFFUSION, 0] = 6
    wrong = torch.full((2, 10, 2), -6.0)
    wrong[0, EFFUSION, 1] = 6
    heart = right.clone()
    heart[:, HEART] = 9
    assert float(half_loss(right, batch)) < 0.05 < float(half_loss(wrong, batch))
    assert float(half_loss(heart, batch)) == pytest.approx(float(half_loss(right, batch)))


def test_a_report_of_the_same_meaning_is_no_mistake(batch: Batch) -> None:
    swapped = batch.texts.flip(0)
    scale = torch.tensor(20.0)
    different = float(contrastive_loss(swapped, batch, scale))
    same = float(contrastive_loss(swapped, replace(batch, meanings=torch.tensor([0, 0])), scale))
    right = float(contrastive_loss(batch.texts, batch, scale))
    assert right < 0.05 < same < different
