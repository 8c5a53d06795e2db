"""Linear layers in bfloat16, and back."""

from __future__ import annotations

import torch
from torch import nn

from retrieval.encoders.half import Half, called_layers, halve


class Residual(nn.Module):
    """One layer that is called, added to what comes in; one that is not called."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.idle, self.norm = nn.Linear(16, 16), nn.Linear(16, 16), nn.LayerNorm(16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.norm(x + self.called(x))
        return made


def test_only_the_layers_that_run_are_halved_and_sums_stay_in_float32() -> None:
    network, inputs = Residual().requires_grad_(requires_grad=False), torch.randn(5, 16)
    exact = network(inputs)
    halve(network, called_layers(network, lambda: network(inputs)))
    made = network(inputs)
    assert isinstance(network.called, Half)
    assert network.called.weight.dtype is torch.bfloat16
    assert network.called(inputs).dtype is torch.bfloat16
    assert type(network.idle) is nn.Linear
    assert made.dtype is torch.float32
    assert not torch.equal(made, exact)
    assert torch.nn.functional.cosine_similarity(made, exact).min() > 0.9999


def test_undoing_gives_the_exact_network_back() -> None:
    network, inputs = Residual().requires_grad_(requires_grad=False), torch.randn(5, 16)
    exact = network(inputs)
    halve(network, called_layers(network, lambda: network(inputs)))()
    assert torch.equal(network(inputs), exact)


def test_a_layer_that_stands_in_two_places_is_one_layer_afterwards_too() -> None:
    shared = nn.Linear(8, 8)
    network = nn.Sequential(shared, nn.ReLU(), shared).requires_grad_(requires_grad=False)
    halve(network, frozenset({shared}))
    assert isinstance(network[2], Half)
    assert network[0] is network[2]


def test_a_layer_without_bias_stays_without() -> None:
    made = Half(nn.Linear(8, 4, bias=False))
    assert made.layer.bias is None
    assert made(torch.zeros(2, 8)).shape == (2, 4)


def test_looking_which_layers_run_leaves_nothing_behind() -> None:
    network = Residual()
    assert called_layers(network, lambda: network(torch.randn(1, 16))) == {network.called}
    assert not network.called._forward_hooks


def test_a_convolution_is_halved_like_a_product() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.GroupNorm(2, 8)).requires_grad_(requires_grad=False)
    inputs = torch.randn(2, 3, 9, 9)
    exact = network(inputs)
    halve(network, called_layers(network, lambda: network(inputs)))
    assert isinstance(network[0], Half)
    assert torch.nn.functional.cosine_similarity(network(inputs).flatten(1).float(), exact.flatten(1)).min() > 0.999
