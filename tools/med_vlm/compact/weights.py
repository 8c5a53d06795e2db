"""Network, gate and text centre in and out of one safetensors file, the network in half precision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tools.med_vlm.compact.files import WEIGHTS, Calibration, GateUnits, NetworkShape
from tools.med_vlm.compact.network import CompactNet, Shape
from tools.med_vlm.compact.ood import Gate
from tools.med_vlm.errors import ModelFilesChanged


@dataclass(frozen=True, slots=True)
class Parts:
    """What the weights file holds."""

    net: CompactNet
    gate: Gate
    text_centre: NDArray[np.float32]


def rounded(net: CompactNet) -> CompactNet:
    """A copy of the network with its parameters rounded to half precision, as they will be shipped."""
    copy = CompactNet(net.shape)
    copy.load_state_dict({key: value.half().float() for key, value in net.state_dict().items()})
    return copy.eval()


def stored_shape(shape: Shape) -> NetworkShape:
    """The shape as the calibration stores it."""
    return NetworkShape(
        size=shape.size, widths=shape.widths, blocks=shape.blocks, neck=shape.neck, findings=shape.findings, views=shape.views
    )


def gate_units(gate: Gate) -> GateUnits:
    """The gate's scalars as the calibration stores them."""
    return GateUnits(rest=gate.rest, neighbour_unit=gate.neighbour_unit, texture_unit=gate.texture_unit, threshold=gate.threshold)


def save(parts: Parts, folder: Path) -> None:
    """Write the weights file of a folder."""
    tensors = {f"net.{key}": value.half().contiguous() for key, value in parts.net.state_dict().items()}
    tensors["gate.bank"] = torch.from_numpy(parts.gate.bank).half()
    tensors["gate.centre"] = torch.from_numpy(parts.gate.centre)
    tensors["gate.axes"] = torch.from_numpy(np.ascontiguousarray(parts.gate.axes))
    tensors["text.centre"] = torch.from_numpy(parts.text_centre)
    save_file(tensors, folder / WEIGHTS)


def load(folder: Path, calibration: Calibration) -> Parts:
    """Read the weights file of a folder whose hashes were verified.

    Raises:
        ModelFilesChanged: it is no safetensors file of this network.
    """
    try:
        tensors = load_file(folder / WEIGHTS)
        net = CompactNet(Shape(**calibration.shape.model_dump()))
        net.load_state_dict({key[4:]: value.float() for key, value in tensors.items() if key.startswith("net.")})
        bank, centre, axes, text = (tensors[f"{key}"].float().numpy() for key in ("gate.bank", "gate.centre", "gate.axes", "text.centre"))
    except (SafetensorError, KeyError, RuntimeError) as refused:
        raise ModelFilesChanged(WEIGHTS, type(refused).__name__) from refused
    return Parts(net.eval(), Gate(bank, centre, axes, **calibration.gate.model_dump()), text)
