"""MedCLIP (Wang et al. 2022), put together natively: Bio_ClinicalBERT beside a Swin transformer or a ResNet-50.

A text's vector is the mean of the hidden layers 1, 2 and last, each a mean over the text's tokens, projected: no pooler, no last
layer alone, as `VisionTextDualEncoderModel` takes. The published code averages over padding too, so that a text's vector depends
on what is batched with it; here each text is embedded alone, which is what its code gives for one text.
A class's score is the mean over its prompts of scale x cosine (the paper's prompt ensemble), softmax over the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.checkpoint import open_checkpoint, ready, stock
from tools.med_vlm.backends.matchers.matching import Matching, Scores, matcher_profile, model_name
from tools.med_vlm.backends.matchers.prompts import sentences
from tools.med_vlm.backends.matchers.remembered import Remembered
from tools.med_vlm.backends.matchers.words import Words, read_words
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.checkpoint import Stock, refusing
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Question

if TYPE_CHECKING:
    from torch import Tensor, nn

    from retrieval.encoders.bert import Bert

F32 = NDArray[np.float32]

SIDE = 224
MEAN, DEVIATION = 0.5862785803043838, 0.27950088968644304
"""Of the grey values of its training images, in 0..1."""
LONGEST = 77
"""Tokens of a text."""
LARGEST_SCALE = 4.6052
"""The stored logarithm of the scale is held to 0 .. 4.6052 whenever it is used."""
_HEAD_WIDTH = 64


def open_medclip(spec: ModelSpec) -> Matching:
    """The matcher of a folder with MedCLIP's tensors; its word pieces stand in the same folder or in `base` (Bio_ClinicalBERT).

    Raises:
        CheckpointRefused: a tensor is missing or left over, or there are no word pieces, or another model's.
    """
    checkpoint = open_checkpoint(spec)
    network = load_medclip(stock(checkpoint.folder))
    words = read_words((checkpoint.folder, checkpoint.base)).fitting(network.bert.words.num_embeddings)
    score = MedClip(network, words, spec.device)
    return Matching(model_name(spec), checkpoint.fingerprint, matcher_profile(spec), score)


class Network:
    """Both towers of a MedCLIP and the factor of its cosines."""

    def __init__(self, vision: nn.Module, bert: Bert, projection: nn.Linear, factor: float) -> None:
        self.vision = vision
        self.bert = bert
        self.projection = projection
        self.factor = factor

    def image(self, pixels: Tensor) -> Tensor:
        """Pixels [n, 3, side, side] to vectors [n, dimension], not scaled."""
        made: Tensor = self.vision(pixels)
        return made

    def text(self, tokens: Tensor) -> Tensor:
        """Tokens [n, length] without padding to vectors [n, dimension], not scaled."""
        layers = hidden_layers(self.bert, tokens)
        pooled = sum(layers[place].mean(1) for place in (1, 2, -1)) / 3
        made: Tensor = self.projection(pooled)
        return made


def hidden_layers(bert: Bert, tokens: Tensor) -> list[Tensor]:
    """What goes into the first layer of a BERT and what comes out of each, [n, length, width]; tokens [n, length], none of them padding."""
    import torch

    x = bert.norm(bert.words(tokens) + bert.places.weight[: tokens.shape[1]] + bert.kinds.weight[0])
    kept = torch.ones(tokens.shape[0], 1, 1, tokens.shape[1], dtype=torch.bool, device=tokens.device)
    made = [x]
    for layer in bert.layers:
        made.append(layer(made[-1], kept))
    return made


def load_medclip(held: Stock) -> Network:
    """The network of MedCLIP's tensors, every one of them used but BERT's pooler, which it never reads.

    Raises:
        CheckpointRefused: a tensor is missing, left over, or of another shape than its neighbours ask for.
    """
    from retrieval.encoders.bert import load_bert

    vision = _vision(held)
    words = held.under("text_model.model.")
    projection = held.linear("text_model.projection_head", bias=False)
    scale = held.take("logit_scale")
    held.close()
    with refusing():
        bert = load_bert(words, projection.in_features // _HEAD_WIDTH, "mean")
    if len(bert.layers) < 2 or bert.places.num_embeddings < LONGEST or bert.words.embedding_dim != projection.in_features:
        raise CheckpointRefused(f"its text model has fewer than two layers or {LONGEST} places, or another width than its projection")
    return Network(vision, bert, projection, factor(float(scale)))


def factor(scale: float) -> float:
    """The factor of the cosines for a stored `logit_scale`, which is held to 0 .. 4.6052 as in training."""
    return float(np.exp(min(max(scale, 0.0), LARGEST_SCALE)))


def _vision(held: Stock) -> nn.Module:
    """The image model and its projection: `model.fc` ends a ResNet, `projection_head` a Swin transformer."""
    import torch

    from tools.med_vlm.backends.matchers.resnet import load_resnet
    from tools.med_vlm.backends.matchers.swin import load_swin

    tensors = held.under("vision_model.model.")
    head = tensors.pop("fc.weight", None)
    if head is None:
        return torch.nn.Sequential(load_swin(tensors), held.linear("vision_model.projection_head", bias=False))
    projection = Stock({"fc.weight": head}).linear("fc", bias=False)
    return torch.nn.Sequential(load_resnet(tensors), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), projection)


class MedClip:
    """Scores captions by their sentences' mean cosine to the image."""

    def __init__(self, network: Network, words: Words, device: str) -> None:
        for module in (network.vision, network.bert, network.projection):
            ready(module, device)
        self._network = network
        self._words = words
        self._texts = Remembered(self._embed)

    def __call__(self, image: Image, questions: Sequence[Question]) -> list[Scores]:
        """The score of each caption, a row a question.

        Raises:
            ImageRefused: the pixels are no picture.
        """
        seen = self._image(image)
        return [np.array([self._score(caption, image, seen) for caption in question.captions]) for question in questions]

    def _score(self, caption: str, image: Image, seen: F32) -> float:
        cosines = self._texts(sentences(caption, image)) @ seen
        return self._network.factor * float(cosines.mean(dtype=np.float64))

    def _image(self, image: Image) -> F32:
        import torch

        with torch.inference_mode():
            rows = _unit(self._network.image(self._on_device(prepared(image))[None]))
        return np.asarray(rows[0])

    def _embed(self, texts: Sequence[str]) -> F32:
        import torch

        with torch.inference_mode():
            rows = [self._network.text(self._on_device(torch.tensor([self._words.framed(text, LONGEST)]))) for text in texts]
            return _unit(torch.cat(rows))

    def _on_device(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._network.projection.weight.device)


def _unit(rows: Tensor) -> F32:
    from torch.nn import functional

    return np.asarray(functional.normalize(rows, dim=-1).cpu().numpy(), dtype=np.float32)


def prepared(image: Image) -> Tensor:
    """Pixels [3, 224, 224]: the grey image in the middle of a black square of at least 224, made 224 wide by bicubic interpolation, normed.

    Raises:
        ImageRefused: the pixels are no picture.
    """
    import torch

    grey = to_pil(image).convert("L")
    side = max(SIDE, *grey.size)
    square = Pictures.new("L", (side, side))
    square.paste(grey, ((side - grey.width) // 2, (side - grey.height) // 2))
    values = np.asarray(square.resize((SIDE, SIDE), Pictures.Resampling.BICUBIC), dtype=np.float32) / 255
    return torch.from_numpy((values - MEAN) / DEVIATION).to(torch.float32).expand(3, SIDE, SIDE)
