"""ResNet with bottlenecks (He et al. 2015), stride in the 3x3 convolution, by torchvision's names: the image side of two old models.

`tests/tools/med_vlm/backends/matchers/test_resnet.py` holds it to Hugging Face's `ResNetModel`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tools.med_vlm.errors import CheckpointRefused

_STAGES = 4


@dataclass(frozen=True, slots=True)
class Stage:
    """Sizes of one stage: channels that come in, inside a block, out of it, and its blocks."""

    taken: int
    inner: int
    given: int
    blocks: int
    stride: int


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1, added to what came in, which is brought to the same size first where it differs."""

    def __init__(self, taken: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inner, given = stage.inner, stage.given
        self.conv1, self.bn1 = nn.Conv2d(taken, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, given, 1, bias=False), nn.BatchNorm2d(given)
        same = stride == 1 and taken == given
        self.downsample = nn.Sequential() if same else nn.Sequential(nn.Conv2d(taken, given, 1, stride, bias=False), nn.BatchNorm2d(given))

    def forward(self, x: Tensor) -> Tensor:
        """[n, taken, rows, columns] to [n, given, rows / stride, columns / stride]."""
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        made: Tensor = (self.bn3(self.conv3(y)) + self.downsample(x)).relu()
        return made


class ResNet(nn.Module):
    """Pixels [n, 3, rows, columns] to features [n, width, rows / 32, columns / 32]."""

    def __init__(self, stages: tuple[Stage, ...]) -> None:
        super().__init__()
        first = stages[0].taken
        self.width = stages[-1].given
        self.conv1, self.bn1 = nn.Conv2d(3, first, 7, 2, 3, bias=False), nn.BatchNorm2d(first)
        self.layer1, self.layer2, self.layer3, self.layer4 = map(_stage, stages)
        self.pool = nn.MaxPool2d(3, 2, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """The last stage's features."""
        x = self.pool(self.bn1(self.conv1(pixels)).relu())
        made: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return made


def _stage(stage: Stage) -> nn.Sequential:
    first = Bottleneck(stage.taken, stage, stage.stride)
    return nn.Sequential(first, *(Bottleneck(stage.given, stage, 1) for _ in range(stage.blocks - 1)))


def load_resnet(tensors: Mapping[str, Tensor]) -> ResNet:
    """A ResNet of torchvision's tensors, its classifier left out, every one of them used; sizes are told by the tensors.

    Raises:
        CheckpointRefused: a tensor is missing, left over, or of another shape than its neighbours ask for.
    """
    try:
        with torch.device("meta"):
            made = ResNet(_stages(tensors))
        made.load_state_dict(dict(tensors), strict=True, assign=True)
    except (KeyError, ValueError, IndexError) as error:
        raise CheckpointRefused("a tensor of the ResNet is missing") from error
    except RuntimeError as error:
        raise CheckpointRefused("tensors of the ResNet are missing, left over, or of another shape") from error
    return made


def _stages(tensors: Mapping[str, Tensor]) -> tuple[Stage, ...]:
    taken, stages = tensors["conv1.weight"].shape[0], []
    for number in range(1, _STAGES + 1):
        blocks = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith(f"layer{number}."))
        given, inner = tensors[f"layer{number}.0.conv3.weight"].shape[:2]
        stages.append(Stage(taken, inner, given, blocks, 1 if number == 1 else 2))
        taken = given
    return tuple(stages)
