"""RadFM's perceiver against a computation by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import gelu, layer_norm

from tools.med_vlm.backends.composed.filling import filled
from tools.med_vlm.backends.composed.radfm.perceiver import perceiver_of
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.spec import ModelSpec

MIND = "embedding_layer.perceiver."


@pytest.fixture(scope="module")
def mind(radfm_spec: Callable[..., ModelSpec]) -> dict[str, Tensor]:
    tensors = load_file(Path(radfm_spec().source) / "model.safetensors")
    return {name.removeprefix(MIND): each for name, each in tensors.items() if name.startswith(MIND)}


@torch.no_grad()
def test_latents_look_at_the_patches_and_at_each_other(mind: dict[str, Tensor]) -> None:
    patches = torch.randn(2, 5, 24, generator=torch.Generator().manual_seed(4))
    made = filled(perceiver_of(mind), mind, torch.float32)(patches)
    assert made.shape == (2, 4, 24)

    rows = mind["latents"]
    for layer in range(2):
        one, two = f"layers.{layer}.0.", f"layers.{layer}.1."
        inside = layer_norm(rows, (24,), mind[f"{one}norm_latents.weight"], mind[f"{one}norm_latents.bias"])
        shown = layer_norm(patches[1], (24,), mind[f"{one}norm_media.weight"], mind[f"{one}norm_media.bias"])
        key, value = (torch.cat([shown, inside]) @ part.T for part in mind[f"{one}to_kv.weight"].chunk(2))
        query = inside @ mind[f"{one}to_q.weight"].T
        heads = [torch.softmax(query[:, at] @ key[:, at].T / 8, -1) @ value[:, at] for at in (slice(0, 64), slice(64, 128))]
        rows = rows + torch.cat(heads, -1) @ mind[f"{one}to_out.weight"].T
        inside = layer_norm(rows, (24,), mind[f"{two}0.weight"], mind[f"{two}0.bias"])
        rows = rows + gelu(inside @ mind[f"{two}1.weight"].T) @ mind[f"{two}3.weight"].T
    rows = layer_norm(rows, (24,), mind["norm.weight"], mind["norm.bias"])
    torch.testing.assert_close(made[1], rows, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("name", "tensor"), [("latents", torch.zeros(4)), ("layers.0.0.to_q.weight", torch.zeros(70, 24))])
def test_tensors_of_another_perceiver_are_refused(mind: dict[str, Tensor], name: str, tensor: Tensor) -> None:
    with pytest.raises(CheckpointRefused):
        perceiver_of(mind | {name: tensor})
    with pytest.raises(CheckpointRefused):
        perceiver_of({each: value for each, value in mind.items() if each != name})
