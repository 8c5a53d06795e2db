"""Models in which words and image regions go through one BERT: VisualBERT and MedViLL, to be trained on."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tools.med_vlm.adapting.loading import Source, source_of
from tools.med_vlm.adapting.masking import Vocabulary
from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.checkpoint import Checkpoint
from tools.med_vlm.backends.matchers.regions import open_regions
from tools.med_vlm.backends.matchers.visualbert import LONGEST, load_visualbert
from tools.med_vlm.backends.matchers.words import Words, read_words
from tools.med_vlm.errors import TrainingBaseRefused

WORD_FILES = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")
F32 = NDArray[np.float32]


class Fused(Protocol):
    """A model that guesses hidden words and says whether a text belongs to an image."""

    @property
    def module(self) -> nn.Module:
        """What is trained."""
        ...

    @property
    def source(self) -> Source:
        """Its folder."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of its folder and of the image tower beside it."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """Of its texts."""
        ...

    def picture(self, image: F32) -> NDArray[Any]:
        """What is kept of an image [rows, columns] in 0..1."""
        ...

    def tokens(self, reports: Sequence[str]) -> torch.Tensor:
        """Token numbers [n, length] of reports, framed and padded."""
        ...

    def read(self, rows: NDArray[Any], tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of kept images and tokens: scores of words [n, length, vocabulary], and of (not) belonging together [n, 2]."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model in the layout it came in."""
        ...


def vocabulary_of(words: Words, size: int) -> Vocabulary:
    """What may be hidden of texts in these word pieces; `size`: rows of the embedding."""
    return Vocabulary(size, words.mask, {words.cls, words.sep, words.mask, words.pad})


def padded(rows: Sequence[Sequence[int]], pad: int, length: int | None = None) -> torch.Tensor:
    """Token rows as a tensor [n, length], filled up on the right; to the longest where no length is given."""
    wide = length or max(map(len, rows))
    return torch.tensor([[*row, *[pad] * (wide - len(row))] for row in rows])


def copy_words(source: Source, folder: Path) -> None:
    """Put the word pieces of a model beside its adapted weights."""
    for name in WORD_FILES:
        if source.folder.has(name):
            shutil.copyfile(source.folder.file(name), folder / name)


class FusedVisualBert:
    """Implements `Fused` over VisualBERT's pre-training heads and the regions of an image tower that stays as it is."""

    def __init__(self, base: str, vision: str | None, device: str) -> None:
        """Load the folder `base` and the image tower `vision`.

        Raises:
            TrainingBaseRefused: no image tower is named, or the checkpoint has another task's head.
            CheckpointRefused: tensors are missing or left over, or the tower's width is not that of the regions.
        """
        if vision is None:
            raise TrainingBaseRefused("VisualBERT sees regions, not pixels: name the folder of an image tower")
        self.source, tower = source_of(base), source_of(vision)
        self.fingerprint = f"{self.source.fingerprint} {tower.fingerprint}"
        model = load_visualbert(Checkpoint(self.source.folder, tower.folder, self.fingerprint))
        if not hasattr(model.cls, "seq_relationship"):
            raise TrainingBaseRefused("its head answers questions; words are guessed by a pre-training checkpoint")
        self.module: Any = model.to(device).requires_grad_(requires_grad=True)
        self._regions = open_regions(tower.folder, model.config.visual_embedding_dim, device)
        self._words = read_words((self.source.folder,))
        self.vocabulary = vocabulary_of(self._words, model.config.vocab_size)

    def picture(self, image: F32) -> NDArray[np.float16]:
        """The tower's features of 7 x 7 regions [49, width]: they never change, so they are made once."""
        features: NDArray[np.float16] = self._regions(Image(image))[0].cpu().numpy().astype(np.float16)
        return features

    def tokens(self, reports: Sequence[str]) -> torch.Tensor:
        """[CLS], the report, [SEP] and padding."""
        return padded([self._words.framed(report, LONGEST) for report in reports], self._words.pad)

    def read(self, rows: NDArray[np.float16], tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As `Fused.read`; regions are of kind 1, as the authors set them."""
        text = tokens.to(self.module.device)
        regions = torch.from_numpy(rows.astype(np.float32)).to(self.module.device)
        ones = torch.ones(regions.shape[:2], dtype=torch.long, device=regions.device)
        output = self.module(
            input_ids=text,
            attention_mask=(text != self._words.pad).long(),
            token_type_ids=torch.zeros_like(text),
            visual_embeds=regions,
            visual_attention_mask=ones,
            visual_token_type_ids=ones,
        )
        return output.prediction_logits[:, : text.shape[1]], output.seq_relationship_logits

    def save(self, folder: Path) -> None:
        """Write the model as transformers does, its word pieces beside it."""
        self.module.save_pretrained(folder)
        copy_words(self.source, folder)
