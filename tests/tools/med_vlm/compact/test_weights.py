"""In and out of safetensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from tools.med_vlm.compact.files import WEIGHTS, Calibration
from tools.med_vlm.compact.network import CompactNet, Shape
from tools.med_vlm.compact.reading.ood import Gate
from tools.med_vlm.compact.weights import Parts, gate_units, load, rounded, save, stored_shape

TINY = Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24)


def test_what_is_saved_comes_back_bit_for_bit(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    drawn = [random.normal(size=shape).astype(np.float16).astype(np.float32) for shape in ((80,), (4, 80))]
    gate = Gate(drawn[0], drawn[1], 1.5, 1.1)
    parts = Parts(rounded(CompactNet(TINY)), gate, np.arange(384, dtype=np.float32))
    save(parts, tmp_path)
    calibration = Calibration(name="x", version="1", shape=stored_shape(TINY), gate=gate_units(gate), findings=(), localised=())
    back = load(tmp_path, calibration)
    for one, other in zip(back.net.parameters(), parts.net.parameters(), strict=True):
        assert torch.equal(one, other)
    assert np.array_equal(back.gate.centre, gate.centre)
    assert np.array_equal(back.gate.axes, gate.axes)
    assert (back.gate.rest, back.gate.threshold) == (gate.rest, gate.threshold)
    assert np.array_equal(back.text_centre, parts.text_centre)


def test_the_network_is_stored_in_half_precision(tmp_path: Path) -> None:
    gate = Gate(np.zeros(8, np.float32), np.ones((1, 8), np.float32), 1.0, 1.0)
    save(Parts(CompactNet(TINY), gate, np.zeros(384, np.float32)), tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    assert all(value.dtype == torch.float16 for key, value in tensors.items() if key.startswith("net."))
