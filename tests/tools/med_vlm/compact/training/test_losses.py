"""What the losses reward."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tools.med_vlm.compact.heads import KEYS
from tools.med_vlm.compact.training.losses import Batch, cell_loss, cell_targets, contrastive_loss, half_loss, image_loss, pairs

EFFUSION, HEART = KEYS.index("pleural_effusion"), KEYS.index("cardiomegaly")


@pytest.fixture
def batch() -> Batch:
    present, sides, masks = torch.zeros(2, 10, dtype=torch.uint8), torch.zeros(2, 10, dtype=torch.uint8), torch.zeros(2, 10, 48, 48)
    present[0, EFFUSION], sides[0, EFFUSION] = 1, 1
    masks[0, EFFUSION, 40:48, 0:8] = 1
    texts = torch.nn.functional.normalize(torch.randn(2, 384, generator=torch.Generator().manual_seed(0)), dim=1)
    return Batch(
        images=torch.rand(2, 1, 64, 64),
        masks=masks,
        present=present,
        sides=sides,
        masked=(present > 0).to(torch.uint8),
        views=torch.zeros(2),
        texts=texts,
        meanings=torch.tensor([0, 1]),
        known=torch.ones(2, 10, dtype=torch.uint8),
        domains=torch.zeros(2, dtype=torch.uint8),
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


def _unknown(batch: Batch, row: int, head: int) -> Batch:
    known = batch.known.clone()
    known[row, head] = 0
    return replace(batch, known=known)


@pytest.mark.parametrize("row", [0, 1])
def test_an_unknown_finding_moves_no_logit_no_half_and_no_cell(batch: Batch, row: int) -> None:
    hidden = _unknown(batch, row, EFFUSION)
    logits, halves, cells = (torch.zeros(2, 10, *shape, requires_grad=True) for shape in ((), (2,), (12, 12)))
    torch.autograd.backward(image_loss(logits, hidden) + half_loss(halves, hidden) + cell_loss(cells, hidden))
    for tensor in (logits, halves, cells):
        assert tensor.grad is not None
        assert float(tensor.grad[row, EFFUSION].abs().sum()) == 0
        assert float(tensor.grad[1 - row, EFFUSION].abs().sum()) > 0


def test_where_everything_is_known_the_image_loss_is_the_mean_cross_entropy(batch: Batch) -> None:
    logits = torch.randn(2, 10, generator=torch.Generator().manual_seed(1))
    present = batch.present.float()
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, present, weight=1 + 2 * present)
    assert float(image_loss(logits, batch)) == pytest.approx(float(expected))


def test_a_batch_in_which_nothing_is_known_costs_nothing(batch: Batch) -> None:
    blank = replace(batch, known=torch.zeros_like(batch.known))
    assert float(image_loss(torch.randn(2, 10), blank)) == 0
    assert float(cell_loss(torch.randn(2, 10, 12, 12), blank)) == 0
    assert float(half_loss(torch.randn(2, 10, 2), blank)) == 0


def test_two_are_apart_only_where_both_know_that_they_differ(batch: Batch) -> None:
    same, apart = pairs(batch)
    assert same.tolist() == [[True, False], [False, True]]
    assert apart.tolist() == [[False, True], [True, False]]
    assert not pairs(_unknown(batch, 1, EFFUSION))[1].any()  # the only finding they differ in
    assert pairs(_unknown(batch, 1, HEART))[1][0, 1]  # both still know the effusion


def test_of_a_pair_nobody_can_tell_the_contrast_learns_nothing(batch: Batch) -> None:
    hidden = _unknown(batch, 1, EFFUSION)
    embedding = torch.nn.functional.normalize(torch.randn(2, 384), dim=1).requires_grad_()
    loss = contrastive_loss(embedding, hidden, torch.tensor(20.0))
    torch.autograd.backward(loss)
    assert embedding.grad is not None
    assert float(embedding.grad.abs().max()) < 1e-6


def test_an_image_without_a_report_takes_no_part_in_the_contrast(batch: Batch) -> None:
    silent = replace(batch, texts=batch.texts * torch.tensor([[1.0], [0.0]]))
    embedding = torch.nn.functional.normalize(torch.randn(2, 384), dim=1).requires_grad_()
    torch.autograd.backward(contrastive_loss(embedding, silent, torch.tensor(20.0)))
    assert embedding.grad is not None
    assert float(embedding.grad[1].abs().max()) == 0
    nobody = replace(batch, texts=torch.zeros_like(batch.texts))
    assert float(contrastive_loss(embedding, nobody, torch.tensor(20.0)).detach()) == 0
