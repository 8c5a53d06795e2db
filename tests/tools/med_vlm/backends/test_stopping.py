"""A network asks at each of its layers whether there is time left. The clock of these tests goes on by what was computed alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tools.med_vlm.backends.stopping import stoppable
from tools.med_vlm.deadline import within
from tools.med_vlm.errors import ModelTimedOut


class Layered(nn.Module):
    """Three layers, two more in a list within the third."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.Sequential(Inner())])

    def forward(self, rows: Tensor) -> Tensor:
        for layer in self.layers:
            rows = layer(rows)
        return rows


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])

    def forward(self, rows: Tensor) -> Tensor:
        for block in self.blocks:
            rows = block(rows)
        return rows


def ticking(clock: list[float], network: nn.Module) -> None:
    """Let each linear layer take a second."""

    def tick(*_: object) -> None:
        clock[0] += 1

    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_hook(tick)


@torch.no_grad()
def test_with_time_or_without_a_limit_it_gives_what_it_gave(clock: list[float]) -> None:
    network = Layered()
    rows = torch.randn(3, 2, generator=torch.Generator().manual_seed(1))
    before = network(rows)
    ticking(clock, stoppable(network))
    assert torch.equal(network(rows), before)
    with within(10):
        assert torch.equal(network(rows), before)


@pytest.mark.fault(66)
@torch.no_grad()
@pytest.mark.parametrize("seconds", [0, 1, 2, 3])
def test_it_stops_before_the_layer_that_would_begin_too_late(clock: list[float], seconds: int) -> None:
    network = Layered()
    ticking(clock, stoppable(network))
    with pytest.raises(ModelTimedOut) as raised, within(seconds):
        network(torch.zeros(1, 2))
    assert clock == [seconds]
    assert raised.value.retryable
    with within(100):
        network(torch.zeros(1, 2))


@pytest.mark.fault(66)
@torch.no_grad()
def test_a_network_without_layers_asks_before_it_begins(clock: list[float]) -> None:
    network = nn.Linear(2, 2)
    ticking(clock, stoppable(network))
    with pytest.raises(ModelTimedOut), within(0):
        network(torch.zeros(1, 2))
    assert clock == [0.0]
