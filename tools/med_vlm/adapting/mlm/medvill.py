"""MedViLL to be trained on: its network as `tools.med_vlm.backends.matchers` puts it together, and back into its published names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pictures
from safetensors.torch import save_file
from torch import Tensor

from tools.med_vlm.adapting.loading import source_of
from tools.med_vlm.adapting.mlm.fused import copy_words, padded, vocabulary_of
from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.checkpoint import stock
from tools.med_vlm.backends.matchers.medvill import DEVIATION, LONGEST, MEAN, SIDE
from tools.med_vlm.backends.matchers.medvill_network import FIRST, MedVillNetwork, load_medvill
from tools.med_vlm.backends.matchers.words import read_words
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.errors import TrainingBaseRefused

_RESNET = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
"""torchvision's names by the numbers that MedViLL's files give them."""
_LAYER = {
    "project": "attention.output.dense",
    "norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "last_norm": "output.LayerNorm",
}
_TABLES = {"words": "word_embeddings", "places": "position_embeddings", "kinds": "token_type_embeddings"}


class FusedMedVill:
    """Implements `Fused` over MedViLL's network. Its ResNet learns only where it is told to; batch norms keep their statistics.

    As in reading, an image always gives the same 180 of its 256 grid pixels.
    """

    def __init__(self, base: str, device: str, *, vision: bool) -> None:
        """Load the folder `base`; `vision`: whether the ResNet learns as well.

        Raises:
            TrainingBaseRefused: a checkpoint fine-tuned to match, which has no word head.
            CheckpointRefused: a tensor is missing or left over, or there are no word pieces.
        """
        self.source = source_of(base)
        self.fingerprint = self.source.fingerprint
        self.module: MedVillNetwork = load_medvill(stock(self.source.folder))
        if self.module.word_head is None:
            raise TrainingBaseRefused("it was fine-tuned to match and has no head for words")
        self.module.word_head.decoder = self.module.bert.get_parameter("words.weight")  # one table, as it was trained
        self.module.requires_grad_(requires_grad=True)
        self.module.regions.resnet.requires_grad_(requires_grad=vision)
        self.module.to(device)
        self._words = read_words((self.source.folder,))
        self.vocabulary = vocabulary_of(self._words, self.module.bert.words.num_embeddings)

    def picture(self, image: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The image at 512 x 512, 8 bits, both sides brought there whatever they were, as in reading."""
        resized = to_pil(Image(image)).resize((SIDE, SIDE), Pictures.Resampling.BILINEAR)
        return np.asarray(resized, dtype=np.uint8)[..., 0].copy()

    def tokens(self, reports: Sequence[str]) -> torch.Tensor:
        """The report, [SEP] and padding to the length of its training, whose mask shows padding."""
        rows = [[*self._words.pieces(report)[:LONGEST], self._words.sep] for report in reports]
        return padded(rows, self._words.pad, LONGEST + 1)

    def read(self, rows: NDArray[np.uint8], tokens: Tensor) -> tuple[Tensor, Tensor]:
        """As `Fused.read`."""
        head = self.module.word_head
        if head is None:
            raise TrainingBaseRefused("it has no head for words")
        grey = rows.astype(np.float32)[:, None] / 255
        pixels = torch.from_numpy((grey - MEAN[:, None, None]) / DEVIATION[:, None, None])
        seen = self.module.image(pixels.to(self.module.device))
        hidden = self.module.read(seen, tokens.to(self.module.device), self._words)
        return head(hidden[:, FIRST + seen.shape[1] :]), self.module.matched(hidden)

    def save(self, folder: Path) -> None:
        """Write the tensors by their published names, what image and text share twice, the word pieces beside them."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in published(self.module)}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        copy_words(self.source, folder)


def published(network: MedVillNetwork) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a pre-training network by MedViLL's published names."""
    bert = dict(network.bert.state_dict())
    shared = {f"{theirs}.weight": bert[f"{ours}.weight"] for ours, theirs in _TABLES.items()}
    shared |= {f"LayerNorm.{end}": bert[f"norm.{end}"] for end in ("weight", "bias")}
    for name, tensor in shared.items():
        yield f"enc.txt_embeddings.{name}", tensor
        if not name.startswith("word"):
            yield f"enc.img_embeddings.{name}", tensor
    for number in range(len(network.bert.layers)):
        yield from _layer(bert, number)
    for end in ("weight", "bias"):
        yield f"enc.pooler.dense.{end}", network.pooler.state_dict()[end]
        yield f"itm.linear.{end}", network.itm.state_dict()[end]
        yield f"enc.img_embeddings.img_embeddings.{end}", network.regions.projection.state_dict()[end]
    for name, tensor in network.regions.resnet.state_dict().items():
        first, rest = name.split(".", 1)
        yield f"enc.img_encoder.model.{_RESNET[first]}.{rest}", tensor
    yield from _word_head(network)


def _layer(bert: dict[str, Tensor], number: int) -> Iterator[tuple[str, Tensor]]:
    ours, theirs = f"layers.{number}", f"enc.encoder.layer.{number}"
    for end in ("weight", "bias"):
        for part, tensor in zip(("query", "key", "value"), bert[f"{ours}.ask.{end}"].chunk(3), strict=True):
            yield f"{theirs}.attention.self.{part}.{end}", tensor
        for mine, name in _LAYER.items():
            yield f"{theirs}.{name}.{end}", bert[f"{ours}.{mine}.{end}"]


def _word_head(network: MedVillNetwork) -> Iterator[tuple[str, Tensor]]:
    head = {} if network.word_head is None else network.word_head.state_dict()
    names = {"bias": "bias", "decoder": "decoder.weight", "dense": "transform.dense", "norm": "transform.LayerNorm"}
    for name, tensor in head.items():
        first, dot, rest = name.partition(".")
        yield f"mlm.predictions.{names[first]}{dot}{rest}", tensor
