"""The network's shapes and pools."""

from __future__ import annotations

import pytest
import torch

from tools.med_vlm.compact.network import CompactNet, Shape, count_parameters, soft_maximum

TINY = Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24)


def test_the_shipped_shape_has_about_five_million_parameters() -> None:
    assert 4.5e6 < count_parameters(CompactNet(Shape())) < 5.5e6


@pytest.mark.parametrize("size", [64, 96])
def test_answers_at_any_resolution_with_a_map_at_stride_16(size: int) -> None:
    output = CompactNet(TINY).eval()(torch.rand(2, 1, size, size))
    assert output.cells.shape == (2, 10, size // 16, size // 16)
    assert output.logits.shape == (2, 10)
    assert output.halves.shape == (2, 10, 2)
    assert torch.allclose(output.embedding.norm(dim=1), torch.ones(2), atol=1e-5)


def test_one_image_is_read_alike_alone_and_in_a_batch() -> None:
    net = CompactNet(TINY).eval()
    images = torch.rand(4, 1, 64, 64)
    with torch.no_grad():
        assert torch.allclose(net(images).logits[2], net(images[2:3]).logits[0], atol=1e-4)


def test_the_texture_says_what_lies_in_which_quarter() -> None:
    net = CompactNet(TINY).eval()
    plain, marked = torch.full((1, 1, 64, 64), 0.5), torch.full((1, 1, 64, 64), 0.5)
    marked[:, :, 36:60, 4:28] = torch.rand(24, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        moved = (net(marked).texture - net(plain).texture).abs().reshape(TINY.widths[1], 4).sum(0)
    assert int(moved.argmax()) == 2
    assert net.train()(plain).texture.shape == (1, 0)


def test_the_soft_maximum_follows_the_strongest_cell() -> None:
    cells = torch.full((1, 1, 8, 8), -5.0)
    low = float(soft_maximum(cells))
    cells[0, 0, 3, 3] = 5.0
    assert low == pytest.approx(-5.0, abs=1e-4)
    assert float(soft_maximum(cells)) > 3.5


def test_a_strong_cell_on_the_image_left_is_the_patients_right() -> None:
    net = CompactNet(TINY).eval()
    with torch.no_grad():
        net.cell_head.weight.zero_()
        cells = torch.full((1, 10, 4, 4), -5.0)
        cells[0, :, 1, 0] = 5.0
        net.neck.register_forward_hook(lambda *_: torch.zeros(1, 24, 4, 4))
        net.cell_head.register_forward_hook(lambda *_: cells)
        halves = net(torch.rand(1, 1, 64, 64)).halves[0]
    assert (halves[:, 0] > halves[:, 1] + 8).all()
