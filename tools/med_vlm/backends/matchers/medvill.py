"""MedViLL (Moon et al. 2022), put together natively: one BERT over [CLS], pixels of a ResNet-50's grid, [SEP] and a text.

A caption's score is the logarithm of the probability that it belongs to the image, by the image-text matching head.
Two things of the training are settled here. Of the 256 grid pixels of a 512 x 512 image it drew 180 at random for every look; here
they are always the same, evenly spread (`grid_pixels`). And pre-training masked attention bidirectionally over the image and from
left to right over the text, image pixels seeing the text's padding as well (`pretraining_mask`): what was trained so is read so,
and a checkpoint fine-tuned for retrieval, known by its missing word head, with full attention. The published variants that were
pre-trained with other masks have the same tensors and cannot be told apart: they are not covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pictures

from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.checkpoint import open_checkpoint, ready, stock
from tools.med_vlm.backends.matchers.matching import Matching, Scores, matcher_profile, model_name
from tools.med_vlm.backends.matchers.words import Words, read_words
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Question

if TYPE_CHECKING:
    from torch import Tensor

    from tools.med_vlm.backends.matchers.medvill_network import MedVillNetwork

SIDE = 512
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406], dtype=np.float32), np.array([0.229, 0.224, 0.225], dtype=np.float32)
"""Of ImageNet, a value a colour."""
LONGEST = 253
"""Word pieces of a text; [SEP] follows."""
ALIGNED = 1
"""The matching head's class of a text that belongs to the image."""
BATCH = 8


def open_medvill(spec: ModelSpec) -> Matching:
    """The matcher of a folder with MedViLL's tensors; its word pieces stand in the same folder or in `base` (bert-base-uncased).

    Raises:
        CheckpointRefused: a tensor is missing or left over, or there are no word pieces, or another model's.
    """
    from tools.med_vlm.backends.matchers.medvill_network import load_medvill

    checkpoint = open_checkpoint(spec)
    network = load_medvill(stock(checkpoint.folder))
    words = read_words((checkpoint.folder, checkpoint.base)).fitting(network.bert.words.num_embeddings)
    score = MedVill(network, words, spec.device)
    return Matching(model_name(spec), checkpoint.fingerprint, matcher_profile(spec), score)


class MedVill:
    """Scores captions by the probability that they belong to the image. The image is encoded once for all of them."""

    def __init__(self, network: MedVillNetwork, words: Words, device: str) -> None:
        ready(network, device)
        self._network = network
        self._words = words

    def __call__(self, image: Image, questions: Sequence[Question]) -> list[Scores]:
        """The log-probability of each caption, a row a question.

        Raises:
            ImageRefused: the pixels are no picture.
        """
        captions = list(dict.fromkeys(caption for question in questions for caption in question.captions))
        scores = dict(zip(captions, self._aligned(image, captions), strict=True))
        return [np.array([scores[caption] for caption in question.captions]) for question in questions]

    def _aligned(self, image: Image, captions: Sequence[str]) -> list[float]:
        import torch

        made: list[float] = []
        with torch.inference_mode():
            seen = self._network.image(prepared(image)[None].to(self._network.device))
            for start in range(0, len(captions), BATCH):
                texts = self._texts(captions[start : start + BATCH]).to(self._network.device)
                hidden = self._network.read(seen.expand(len(texts), -1, -1), texts, self._words)
                made += self._network.matched(hidden).double().log_softmax(-1)[:, ALIGNED].tolist()
        return made

    def _texts(self, captions: Sequence[str]) -> Tensor:
        """Word pieces and [SEP], filled up with [PAD]: to the length of training where its mask shows them, else to the longest."""
        import torch

        rows = [[*self._words.pieces(caption)[:LONGEST], self._words.sep] for caption in captions]
        length = LONGEST + 1 if self._network.pretrained else max(map(len, rows))
        return torch.tensor([row + [self._words.pad] * (length - len(row)) for row in rows])


def prepared(image: Image) -> Tensor:
    """Pixels [3, 512, 512], both sides brought to 512 whatever they were, as its data sets were made; normed.

    Raises:
        ImageRefused: the pixels are no picture.
    """
    import torch

    picture = to_pil(image).resize((SIDE, SIDE), Pictures.Resampling.BILINEAR)
    values = (np.asarray(picture, dtype=np.float32) / 255 - MEAN) / DEVIATION
    return torch.from_numpy(values.transpose(2, 0, 1).copy())
