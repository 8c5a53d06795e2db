"""Network, gate and text centre in and out of one safetensors file, the network in half precision."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tools.med_vlm.compact.files import WEIGHTS, Calibration, GateUnits, NetworkShape
from tools.med_vlm.compact.network import TEXT_DIMENSION, CompactNet, Shape
from tools.med_vlm.compact.reading.ood import Gate
from tools.med_vlm.errors import ModelFilesChanged

GATE, RADIOGRAPHS = "gate", "radiographs"
"""First names of the tensors of the two gates."""

NOTHING = np.zeros((0, TEXT_DIMENSION), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the weights file holds."""

    net: CompactNet
    gate: Gate
    text_centre: NDArray[np.float32]
    radiographs: Gate | None = None
    """The gate of radiographs, where these were admitted."""
    drafting: NDArray[np.float32] = field(default_factory=lambda: NOTHING)
    """[n, 384] unit vectors of the calibration's sentences, in the image's space."""


def rounded(net: CompactNet) -> CompactNet:
    """A copy of the network with its parameters rounded to half precision, as they will be shipped."""
    copy = CompactNet(net.shape)
    copy.load_state_dict({key: value.half().float() for key, value in net.state_dict().items()})
    return copy.eval()


def stored_shape(shape: Shape) -> NetworkShape:
    """The shape as the calibration stores it."""
    return NetworkShape(**asdict(shape))


def gate_units(gate: Gate) -> GateUnits:
    """The gate's scalars as the calibration stores them."""
    return GateUnits(rest=gate.rest, threshold=gate.threshold)


def save(parts: Parts, folder: Path) -> None:
    """Write the weights file of a folder."""
    tensors = {f"net.{key}": value.half().contiguous() for key, value in parts.net.state_dict().items()}
    tensors |= _gate_tensors(parts.gate, GATE)
    tensors["text.centre"] = torch.from_numpy(parts.text_centre)
    if parts.radiographs:
        tensors |= _gate_tensors(parts.radiographs, RADIOGRAPHS)
    if len(parts.drafting):
        tensors["drafting.vectors"] = torch.from_numpy(parts.drafting).half()
    save_file(tensors, folder / WEIGHTS)


def _gate_tensors(gate: Gate, name: str) -> dict[str, torch.Tensor]:
    return {f"{name}.centre": torch.from_numpy(gate.centre), f"{name}.axes": torch.from_numpy(np.ascontiguousarray(gate.axes))}


def _gate(tensors: dict[str, torch.Tensor], name: str, units: GateUnits) -> Gate:
    centre, axes = (tensors[f"{name}.{part}"].float().numpy() for part in ("centre", "axes"))
    return Gate(centre, axes, **units.model_dump())


def load(folder: Path, calibration: Calibration) -> Parts:
    """Read the weights file of a folder whose hashes were verified.

    Raises:
        ModelFilesChanged: it is no safetensors file of this network.
    """
    try:
        tensors = load_file(folder / WEIGHTS)
        net = CompactNet(Shape(**calibration.shape.model_dump()))
        net.load_state_dict({key[4:]: value.float() for key, value in tensors.items() if key.startswith("net.")})
        gate = _gate(tensors, GATE, calibration.gate)
        radiographs = _gate(tensors, RADIOGRAPHS, calibration.radiographs.gate) if calibration.radiographs else None
        text = tensors["text.centre"].float().numpy()
        drafting = tensors["drafting.vectors"].float().numpy() if calibration.drafting else NOTHING
    except (SafetensorError, KeyError, RuntimeError) as refused:
        raise ModelFilesChanged(WEIGHTS, type(refused).__name__) from refused
    if len(drafting) != len(calibration.drafting):
        raise ModelFilesChanged(WEIGHTS, "another number of sentence vectors than sentences")
    return Parts(net.eval(), gate, text, radiographs, drafting)
