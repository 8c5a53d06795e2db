"""Zero-shot matching by any encoder of images and texts in one space: CLIP, SigLIP, SigLIP 2, MedSigLIP, BiomedCLIP.

A caption's score is the cosine between the image and the caption's sentences, on the scale the model was trained with. CLIP's kin
were trained to choose one caption of many (softmax, Radford et al. 2021); SigLIP's to say of each by itself whether it fits
(sigmoid with a bias, Zhai et al. 2023): there a caption's score is the logarithm of that probability.
Both towers run in the number format of `retrieval.encoders.forms`, whose vectors are float32's to a cosine of at least .999.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.folder import ModelFolder
from retrieval.errors import BadCase
from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.checkpoint import open_checkpoint
from tools.med_vlm.backends.matchers.matching import Matching, Scores, matcher_profile, model_name
from tools.med_vlm.backends.matchers.prompts import sentences
from tools.med_vlm.backends.matchers.remembered import Remembered
from tools.med_vlm.checkpoint import WEIGHTS, refusing, tensors_of
from tools.med_vlm.errors import CheckpointRefused, ImageRefused
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Question

if TYPE_CHECKING:
    from retrieval.cards import Encoder

F32 = NDArray[np.float32]

_OPEN_CLIP = "open_clip_config.json"
_LARGEST_SCALE = math.log(1000)
"""Stored as a logarithm. CLIP's training stops at log 100, SigLIP's ends near log 118; more is no temperature."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How cosines become scores: `factor` (not its logarithm), and for a model trained by sigmoid its `bias`."""

    factor: float
    bias: float | None


def open_clip_matcher(spec: ModelSpec) -> Matching:
    """The matcher of a folder in Hugging Face's CLIP or SigLIP layout, or in open_clip's.

    Raises:
        CheckpointRefused: its files are not whole, of another architecture, or hold no scale.
    """
    checkpoint = open_checkpoint(spec)
    encoder = _encoder(checkpoint.folder)
    score = Matcher(encoder, read_scale(checkpoint.folder))
    return Matching(model_name(spec), checkpoint.fingerprint, matcher_profile(spec), score)


def _encoder(folder: ModelFolder) -> Encoder:
    from retrieval.encoders.catalogue import open_encoder

    kind = "open-clip" if folder.has(_OPEN_CLIP) else "sentence-transformers"
    with refusing():
        return open_encoder(f"{kind}:{folder.path}")


def read_scale(folder: ModelFolder) -> Scale:
    """The scale that stands beside the weights.

    Raises:
        CheckpointRefused: there is none, more than one, or it is no finite number of a temperature's size.
    """
    held = {name: list(_numbers(folder, name)) for name in ("logit_scale", "logit_bias")}
    scales, biases = held["logit_scale"], held["logit_bias"]
    if len(scales) != 1 or len(biases) > 1:
        raise CheckpointRefused("its weights hold no logit_scale, or several")
    if not (all(map(math.isfinite, (*scales, *biases))) and scales[0] <= _LARGEST_SCALE):
        raise CheckpointRefused("its logit_scale or logit_bias is no number of a temperature's size")
    return Scale(math.exp(scales[0]), biases[0] if biases else None)


def _numbers(folder: ModelFolder, ending: str) -> Iterator[float]:
    """Every single number of the folder's safetensors whose name ends so."""
    for path in sorted(folder.path.rglob(WEIGHTS)):
        for name, tensor in tensors_of(path).items():
            if name.split(".")[-1] == ending and tensor.numel() == 1:
                yield float(tensor)


class Matcher:
    """Scores captions by their cosine to the image. An image is embedded once for all questions, a caption once for all images."""

    def __init__(self, encoder: Encoder, scale: Scale) -> None:
        self._images: Callable[[Sequence[F32]], F32] = encoder.images
        self._texts = Remembered(encoder.texts)
        self._scale = scale

    def __call__(self, image: Image, questions: Sequence[Question]) -> list[Scores]:
        """The score of each caption, a row a question.

        Raises:
            ImageRefused: the pixels are not two-dimensional, there are none, or they are not all numbers within 0..1.
        """
        try:
            seen = self._images([image.pixels])[0].astype(np.float64)
        except BadCase as error:
            raise ImageRefused(str(error)) from error
        return [self._scores(np.array([self._caption(each, image) @ seen for each in question.captions])) for question in questions]

    def _caption(self, caption: str, image: Image) -> Scores:
        """The unit vector of a caption: the mean of its sentences' unit vectors, brought to length one."""
        mean = self._texts(sentences(caption, image)).mean(axis=0, dtype=np.float64)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12))

    def _scores(self, cosines: Scores) -> Scores:
        scaled = self._scale.factor * cosines
        return scaled if self._scale.bias is None else -np.logaddexp(0, -(scaled + self._scale.bias))
