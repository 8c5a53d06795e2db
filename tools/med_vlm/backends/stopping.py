"""A network that is under way in this process stops between two of its layers once its time is over.

A generation asks after each token; but before the first one stands a prompt of pictures, which takes a large model on a CPU as long as a
hundred tokens. So every layer asks, of the towers too, and nobody waits longer than for one of them.
"""

from __future__ import annotations

from typing import Any

from tools.med_vlm.deadline import require_time


def stoppable(network: Any) -> Any:
    """The same torch module, which from now on raises `ModelTimedOut` out of a call whose time (`tools.med_vlm.deadline`) is over.

    Each layer asks before it begins: every member of a list of modules, and the network itself. What it gives is as before.
    """
    from torch.nn import ModuleList

    layers = {layer for each in network.modules() if isinstance(each, ModuleList) for layer in each}
    for layer in (network, *(layers - {network})):
        layer.register_forward_pre_hook(_ask)
    return network


def _ask(*_: object) -> None:
    require_time()
