"""Two towers that are drawn to each other: CLIP's and SigLIP's from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from retrieval.encoders.pictures import picture
from tools.med_vlm.adapting.examples.pictures import Shown
from tools.med_vlm.adapting.loading import load, load_processor, source_of
from tools.med_vlm.adapting.training.adapted import Told
from tools.med_vlm.errors import TrainingBaseRefused

Freeze = Literal["none", "vision", "text"]
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


class Towers(Protocol):
    """An image tower and a text tower with one space."""

    @property
    def module(self) -> nn.Module:
        """What is trained; frozen parts require no gradient."""
        ...

    @property
    def name(self) -> str:
        """Of the base model."""
        ...

    @property
    def licence(self) -> str | None:
        """As its folder states it."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 that changes when the base model does."""
        ...

    def picture(self, image: F32) -> U8:
        """What is kept of an image [rows, columns] in 0..1."""
        ...

    def images(self, rows: U8) -> torch.Tensor:
        """Unit vectors [n, d] of kept images."""
        ...

    def texts(self, reports: Sequence[str]) -> torch.Tensor:
        """Unit vectors [n, d] of reports."""
        ...

    @property
    def log_scale(self) -> torch.Tensor:
        """Logarithm of what cosines are multiplied with."""
        ...

    @property
    def bias(self) -> torch.Tensor:
        """What a sigmoid loss adds."""
        ...

    def save(self, folder: Path, seen: Shown, told: Told) -> None:
        """Write the model in the layout it came in; with what it was adapted and how, for one that is calibrated by it."""
        ...


class PairModule(nn.Module):
    """A dual encoder, and the bias of a sigmoid loss where it has none of its own."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        if getattr(model, "logit_bias", None) is None:
            self.logit_bias = nn.Parameter(torch.tensor([-10.0]))


class PairTowers:
    """Implements `Towers` over transformers' CLIP and SigLIP."""

    def __init__(self, source: str, freeze: Freeze, *, sigmoid: bool, device: str) -> None:
        """Load the folder `source`; `sigmoid`: whether the loss has a bias to learn.

        Raises:
            TrainingBaseRefused: neither CLIP nor SigLIP, or not loadable as it is.
            ModelNotFound, ModelFormatRefused, ModelCodeRefused: as `loading.source_of`.
        """
        from transformers import AutoModel, AutoProcessor

        found = source_of(source)
        if found.kind not in ("clip", "siglip"):
            raise TrainingBaseRefused("contrastive alignment adapts CLIP, SigLIP or the compact model")
        self.name, self.licence, self.fingerprint = found.folder.name, found.folder.licence, found.fingerprint
        self.module = PairModule(load(AutoModel, found, dtype=torch.float32)).to(device)
        self._processor: Any = load_processor(AutoProcessor, found)
        self._longest: int = self._model.config.text_config.max_position_embeddings
        self._pad = "max_length" if found.kind == "siglip" else True  # SigLIP was trained on padding and attends to it
        self._device = device
        self._freeze(freeze, sigmoid)

    @property
    def _model(self) -> Any:
        return self.module.model

    def _freeze(self, freeze: Freeze, sigmoid: bool) -> None:
        still = {"none": (), "vision": ("vision_model.", "visual_projection."), "text": ("text_model.", "text_projection.")}[freeze]
        for name, each in self._model.named_parameters():
            each.requires_grad = not name.startswith(still) if still else True
        self.bias.requires_grad = sigmoid

    @property
    def log_scale(self) -> torch.Tensor:
        """Logarithm of what cosines are multiplied with."""
        scale: torch.Tensor = self._model.logit_scale
        return scale

    @property
    def bias(self) -> torch.Tensor:
        """The model's own, or one that only this training has."""
        own: torch.Tensor | None = getattr(self._model, "logit_bias", None)
        return self.module.get_parameter("logit_bias") if own is None else own

    def picture(self, image: F32) -> U8:
        """The image resized and cropped as the model's processor does, 8 bits [rows, columns]: its three channels are alike."""
        made = self._processor.image_processor(images=[picture(image)], do_rescale=False, do_normalize=False, return_tensors="np")
        return np.asarray(made["pixel_values"][0, 0], dtype=np.uint8)

    def images(self, rows: U8) -> torch.Tensor:
        """Unit vectors [n, d] of kept images."""
        thrice = [np.ascontiguousarray(np.broadcast_to(row, (3, *row.shape))) for row in rows]
        steps = {"do_resize": False, "do_center_crop": False, "input_data_format": "channels_first"}
        made = self._processor.image_processor(images=thrice, return_tensors="pt", **steps)
        output = self._model.get_image_features(pixel_values=made["pixel_values"].to(self._device))
        return functional.normalize(output.pooler_output.float(), dim=1)

    def texts(self, reports: Sequence[str]) -> torch.Tensor:
        """Unit vectors [n, d] of what reports say was seen, cut where the model's positions end."""
        from tools.med_vlm.compact.minilm import sentences

        said = [" ".join(sentences(report)) for report in reports]
        tokens = self._processor.tokenizer(said, padding=self._pad, truncation=True, max_length=self._longest, return_tensors="pt")
        output = self._model.get_text_features(**tokens.to(self._device))
        return functional.normalize(output.pooler_output.float(), dim=1)

    def save(self, folder: Path, seen: Shown, told: Told) -> None:
        """Write model and processor as they are published."""
        self._model.save_pretrained(folder)
        self._processor.save_pretrained(folder)
