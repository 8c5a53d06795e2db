"""Which form a network runs in, and that its vectors stay its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from retrieval.encoders import forms
from retrieval.encoders.forms import LEAST_COSINE, choose, computes_bfloat16
from retrieval.errors import EncoderDamaged


class Delicate(nn.Module):
    """The difference of two nearly equal products: bfloat16 has no digits left of it."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(16, 16), nn.Linear(16, 16)
        self.other.weight.data = self.one.weight.data * (1 + 1e-3 * torch.randn(16, 16))
        self.other.bias.data = self.one.bias.data.clone()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.one(x) - self.other(x)
        return made


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 24)).eval()


@pytest.fixture
def probe() -> tuple[torch.Tensor]:
    return (torch.randn(4, 32, generator=torch.Generator().manual_seed(1)),)


@pytest.fixture
def with_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a CPU that has it in hardware: others compute the same, slower."""
    monkeypatch.setattr(forms, "computes_bfloat16", lambda: True)


@pytest.mark.usefixtures("with_bfloat16")
def test_a_cpu_with_bfloat16_uses_it_and_says_why_and_how_near_it_is(network: nn.Module, probe: tuple[torch.Tensor]) -> None:
    exact = network(*probe).detach().numpy()
    chosen = choose(network, probe, many=False)
    made = chosen.forward(*probe)
    assert chosen.form.name == "torch bf16"
    assert "hardware" in chosen.form.reason
    assert LEAST_COSINE <= chosen.form.cosine <= 1
    assert chosen.dimension == 24
    assert made.dtype == np.float32
    assert not np.array_equal(made, exact)
    assert np.allclose(made, exact, atol=0.02)


def test_a_cpu_without_bfloat16_computes_in_float32(
    network: nn.Module, probe: tuple[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "computes_bfloat16", lambda: False)
    exact = network(*probe).detach().numpy()
    chosen = choose(network, probe, many=False)
    assert (chosen.form.name, chosen.form.cosine) == ("torch fp32", 1.0)
    assert np.array_equal(chosen.forward(*probe), exact)


@pytest.mark.usefixtures("with_bfloat16")
def test_a_network_that_bfloat16_would_change_stays_in_float32(probe: tuple[torch.Tensor]) -> None:
    torch.manual_seed(0)
    network, inputs = Delicate().eval(), (torch.randn(4, 16),)
    exact = network(*inputs).detach().numpy()
    chosen = choose(network, inputs, many=True)
    assert chosen.form.name == "torch fp32"
    assert "would move vectors" in chosen.form.reason
    assert np.array_equal(chosen.forward(*inputs), exact)


@pytest.mark.parametrize("half", [True, False], ids=["bf16", "fp32"])
def test_for_many_openvino_is_tried_and_the_faster_is_taken(
    half: bool, network: nn.Module, probe: tuple[torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(forms, "computes_bfloat16", lambda: half)
    exact = network(*probe).detach().numpy()
    chosen = choose(network, probe, many=True)
    kind = "bf16" if half else "fp32"
    assert chosen.form.name in (f"torch {kind}", f"OpenVINO {kind}")
    assert f"torch {kind}" in chosen.form.reason
    assert f"OpenVINO {kind}" in chosen.form.reason
    assert np.allclose(chosen.forward(*probe), exact, atol=0.02)
    assert chosen.forward(probe[0][:1]).shape == (1, 24)


def test_for_many_without_openvino_torch_is_taken(network: nn.Module, probe: tuple[torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "openvino", lambda: None)
    assert choose(network, probe, many=True).form.name.startswith("torch")


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(broken: float, network: nn.Module, probe: tuple[torch.Tensor]) -> None:
    network[2].weight.data[0, 0] = broken
    with pytest.raises(EncoderDamaged):
        choose(network, probe, many=False)


def test_what_the_cpu_can_is_said_by_torch() -> None:
    able = torch.cpu.get_capabilities()
    assert computes_bfloat16() is bool(able.get("amx_bf16") or able.get("avx512_bf16") or able.get("bf16"))
