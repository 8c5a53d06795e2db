"""Multiplies in bfloat16 and keeps the rest in float32: sums, norms and pooling lose nothing, and those cost little."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import nn

Layer = nn.Linear | nn.Conv2d
"""What multiplies."""


class Half(nn.Module):
    """A layer that computes in bfloat16: any float in, bfloat16 out. Adding that to a float32 tensor gives float32 again."""

    def __init__(self, exact: Layer) -> None:
        super().__init__()
        self.layer = deepcopy(exact).to(torch.bfloat16)

    @property
    def weight(self) -> torch.Tensor:
        """The layer's weight: some networks ask a layer for the type of its numbers."""
        return self.layer.weight

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the layer gives, in bfloat16."""
        made: torch.Tensor = self.layer(inputs.to(torch.bfloat16))
        return made


def called_layers(module: nn.Module, once: Callable[[], object]) -> frozenset[Layer]:
    """The layers inside `module` that `once` runs: two towers may live in one module, and a layer may only be read."""
    called: set[Layer] = set()
    layers = [each for each in module.modules() if type(each) in (nn.Linear, nn.Conv2d)]
    hooks = [layer.register_forward_hook(lambda layer, inputs, output: called.add(layer)) for layer in layers]
    try:
        once()
    finally:
        for hook in hooks:
            hook.remove()
    return frozenset(called)


def halve(module: nn.Module, layers: frozenset[Layer]) -> Callable[[], None]:
    """Put a `Half` in place of each of `layers` inside `module`. The result puts them back."""
    paths = [path for path, child in module.named_modules(remove_duplicate=False) if path and child in layers]
    places = [(module.get_submodule(above), name) for above, _, name in (path.rpartition(".") for path in paths)]
    replaced = [(parent, name, getattr(parent, name)) for parent, name in places]
    halves = {layer: Half(layer) for layer in layers}
    for parent, name, exact in replaced:
        setattr(parent, name, halves[exact])

    def undo() -> None:
        for parent, name, exact in replaced:
            setattr(parent, name, exact)

    return undo
