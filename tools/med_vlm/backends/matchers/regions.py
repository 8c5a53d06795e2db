"""An image as 7 x 7 regions: the last layer of an image tower, averaged square by square."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.checkpoint import loading, ready
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor

GRID = 7


class Regions:
    """A tower of `AutoModel` that keeps places: a ViT, DINOv2 or Swin [n, places, width], or a ResNet [n, width, rows, columns]."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model = model
        self._processor = processor

    def __call__(self, image: Image) -> Tensor:
        """Features [1, 49, width] of an image, row by row.

        Raises:
            ImageRefused: the pixels are no picture.
        """
        import torch
        from torch.nn import functional

        pixels = self._processor(images=[to_pil(image)], return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            grid = squares(self._model(pixel_values=pixels.to(self._model.device)).last_hidden_state)
            return functional.adaptive_avg_pool2d(grid, GRID).flatten(2).transpose(1, 2)


def squares(features: Tensor) -> Tensor:
    """Features [n, places, width], class token and registers first, as a grid [n, width, rows, columns]; a grid as it is."""
    if features.ndim == 4:
        return features
    n, places, width = features.shape
    side = math.isqrt(places)
    return features[:, places - side * side :].transpose(1, 2).reshape(n, width, side, side)


def open_regions(folder: ModelFolder, width: int, device: str) -> Regions:
    """The regions of an image tower's folder.

    Raises:
        CheckpointRefused: it is no whole image tower, or its features are not `width` wide.
    """
    from retrieval.encoders.hugging_face import load_model

    with loading():
        from transformers import AutoImageProcessor

        model, _ = load_model(folder.path)
        processor = AutoImageProcessor.from_pretrained(str(folder.path), local_files_only=True, trust_remote_code=False)
        made = Regions(ready(model, device), processor)
        found = made(Image(np.zeros((64, 64), dtype=np.float32))).shape[-1]
    if found != width:
        raise CheckpointRefused(f"the image tower's features are {found} wide, the checkpoint's regions {width}")
    return made
