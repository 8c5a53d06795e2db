"""Augmentation is seeded, stays in range and moves masks with images."""

from __future__ import annotations

import torch

from tools.med_vlm.compact.training.augment import augment


def _batch() -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.full((16, 1, 96, 96), 0.2)
    images[:, :, 60:80, 10:40] = 0.9
    masks = torch.zeros(16, 2, 48, 48)
    masks[:, 0, 30:40, 5:20] = 1
    return images, masks


def test_the_same_generator_gives_the_same_batch() -> None:
    first = augment(*_batch(), torch.Generator().manual_seed(3))
    second = augment(*_batch(), torch.Generator().manual_seed(3))
    other = augment(*_batch(), torch.Generator().manual_seed(4))
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[0], other[0])


def test_images_stay_in_range_and_shape() -> None:
    images, masks = augment(*_batch(), torch.Generator().manual_seed(1))
    assert images.shape == (16, 1, 96, 96)
    assert masks.shape == (16, 2, 48, 48)
    assert float(images.min()) >= 0
    assert float(images.max()) <= 1


def test_the_mask_lies_where_the_bright_block_lies_and_sides_are_kept() -> None:
    images, masks = augment(*_batch(), torch.Generator().manual_seed(2))
    columns = torch.arange(48) + 0.5
    for image, mask in zip(images[:, 0], masks[:, 0], strict=True):
        small = torch.nn.functional.avg_pool2d(image[None, None], 2)[0, 0]
        inside, outside = small[mask > 0.9].mean(), small[mask == 0].mean()
        assert inside > outside + 0.2
        assert float((mask.sum(0) * columns).sum() / mask.sum()) < 24
