"""Models in which words and image regions go through one BERT, to be trained on: what they are asked, and what they share."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tools.med_vlm.adapting.loading import Source
from tools.med_vlm.adapting.mlm.masking import Vocabulary
from tools.med_vlm.backends.matchers.words import Words

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
