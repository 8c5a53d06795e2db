"""The ResNet with torchvision's names against Hugging Face's, and what of its tensors is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tools.med_vlm.backends.matchers.resnet import ResNet, load_resnet
from tools.med_vlm.errors import CheckpointRefused

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def tensors(published: Callable[[str], Path]) -> Tensors:
    prefix = "vision_model.model."
    held = load_file(published("medclip_resnet") / "model.safetensors")
    return {name.removeprefix(prefix): each for name, each in held.items() if name.startswith(prefix) and "fc." not in name}


def hugging_face(tensors: Tensors) -> torch.nn.Module:
    """The same weights in `ResNetModel`, each found by its place: both list a block's layers in the order they are run."""
    from transformers import ResNetConfig, ResNetModel

    sizes = {"embedding_size": 8, "hidden_sizes": [16, 24, 32, 40], "depths": [1, 2, 1, 1]}
    model = ResNetModel(ResNetConfig(layer_type="bottleneck", **sizes)).eval()
    state = {}
    for name in model.state_dict():
        parts = name.split(".")
        kind = "conv" if "convolution" in parts else "bn"
        if parts[0] == "embedder":
            state[name] = tensors[f"{kind}1.{parts[-1]}"]
            continue
        block = f"layer{int(parts[2]) + 1}.{parts[4]}"
        inner = f"downsample.{int(kind == 'bn')}" if parts[5] == "shortcut" else f"{kind}{int(parts[6]) + 1}"
        state[name] = tensors[f"{block}.{inner}.{parts[-1]}"]
    model.load_state_dict(state)
    return model


@pytest.mark.parametrize("side", [64, 97])
def test_features_are_those_of_the_published_network(side: int, tensors: Tensors) -> None:
    pixels = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    network = load_resnet(tensors).eval()
    with torch.inference_mode():
        ours, theirs = network(pixels), hugging_face(tensors)(pixels).last_hidden_state
    assert ours.shape == theirs.shape == (2, 40, -(-side // 32), -(-side // 32))
    assert ours.std() > 0.01
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_sizes_are_told_by_the_tensors(tensors: Tensors) -> None:
    network = load_resnet(tensors)
    assert network.width == 40
    assert [len(layer) for layer in (network.layer1, network.layer2, network.layer3, network.layer4)] == [1, 2, 1, 1]


def test_a_resnet_50_has_the_size_of_the_published_one() -> None:
    from tools.med_vlm.backends.matchers.resnet import Stage

    with torch.device("meta"):
        stages = ((64, 64, 256, 3, 1), (256, 128, 512, 4, 2), (512, 256, 1024, 6, 2), (1024, 512, 2048, 3, 2))
        network = ResNet(tuple(Stage(*stage) for stage in stages))
    assert sum(each.numel() for each in network.parameters()) == 23_508_032


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("conv1.weight"),
        lambda tensors: tensors.pop("layer3.0.bn2.running_var"),
        lambda tensors: tensors.pop("layer2.0.downsample.0.weight"),
        lambda tensors: [tensors.pop(name) for name in list(tensors) if name.startswith("layer4.")],
        lambda tensors: tensors.update({"fc.bias": torch.zeros(4)}),
        lambda tensors: tensors.update({"layer1.x.conv1.weight": torch.zeros(4)}),
        lambda tensors: tensors.update({"layer4.0.bn3.weight": torch.zeros(41)}),
    ],
    ids=["no stem", "no variance", "no shortcut", "no last stage", "a classifier", "no number", "another width"],
)
def test_tensors_that_are_no_whole_resnet_are_refused(change: Callable[[Tensors], object], tensors: Tensors) -> None:
    change(tensors)
    with pytest.raises(CheckpointRefused, match="ResNet"):
        load_resnet(tensors)
