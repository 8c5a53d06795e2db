"""VisualBERT to be trained on: its pre-training heads beside the regions of an image tower."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tools.med_vlm.adapting.loading import source_of
from tools.med_vlm.adapting.mlm.fused import F32, copy_words, padded, vocabulary_of
from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.checkpoint import Checkpoint
from tools.med_vlm.backends.matchers.regions import open_regions
from tools.med_vlm.backends.matchers.visualbert import LONGEST, load_visualbert
from tools.med_vlm.backends.matchers.words import read_words
from tools.med_vlm.errors import TrainingBaseRefused


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
