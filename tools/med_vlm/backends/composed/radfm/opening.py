"""RadFM from its published checkpoint, and its prompt: the pictures' rows follow the vocabulary, where tokens look them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.backends.composed.filling import filled
from tools.med_vlm.backends.composed.llama import llama, tokenizer_of
from tools.med_vlm.backends.composed.speaker import Speaker
from tools.med_vlm.backends.composed.speech import SAMPLE, Asking, Speech, ordered, plain
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.backends.placing import place
from tools.med_vlm.checkpoint import Stock, settings, stock_of
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.identity import identified
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt, Question

if TYPE_CHECKING:
    from torch import Tensor

UNUSED = (
    "embedding_layer.bert_model.",
    "embedding_layer.bert_projection_fc.",
    "embedding_layer.transformer_decoder.",
    "embedding_layer.transformer_decoder_mlp.",
    "embedding_layer.output_upscaling.",
    "embedding_layer.cls_head.",
)
"""Parts that the authors trained with and that reading does without."""
VOCABULARY = "model.embed_tokens.weight"
_FRAMES = 2
"""Rows of `figure_token_weight`: `<image>` and `</image>`."""


def open_radfm(spec: ModelSpec) -> Speaker:
    """RadFM: `source` holds the whole checkpoint as safetensors, `base` the LLaMA's `config.json` and tokenizer (`Language_files`).

    Raises:
        ModelNotPinned, ModelNotFound, ModelFilesChanged, ModelFormatRefused: as `tools.med_vlm.identity.identified`.
        CheckpointRefused: a tensor is missing, left over or of another shape, or `base` is not named.
    """
    files = identified(spec)
    if files.base is None:
        raise CheckpointRefused("`base` names no folder with the language model's config.json and tokenizer")
    made = radfm(stock_of(files.path), settings(files.base), tokenizer_of(files.base), spec)
    return Speaker(made, spec, files.fingerprint)


def radfm(held: Stock, sizes: dict[str, Any], tokenizer: Any, spec: ModelSpec) -> RadFM:
    """The composition of a checkpoint.

    Raises:
        CheckpointRefused: a tensor is missing, left over or of another shape.
    """
    from torch import nn

    from tools.med_vlm.backends.composed.radfm.perceiver import perceiver_of
    from tools.med_vlm.backends.composed.radfm.vision import vision_of

    where, number = place(spec.device)
    held.leave(UNUSED)
    language = held.part("lang_model.")
    own = Stock(held.part("embedding_layer."))
    held.close()
    _same_vocabulary(language, own.take("weight") if own.has("weight") else None)
    vision, perceiver, fc = own.part("vision_encoder."), own.part("perceiver."), own.linear("fc", bias=True)
    frames = own.take("figure_token_weight")
    own.close()
    if frames.shape != (_FRAMES, fc.out_features):
        raise CheckpointRefused("its embedding layer is not RadFM's")
    look = nn.Sequential(
        filled(vision_of(vision), vision, number),
        filled(perceiver_of(perceiver), perceiver, number),
        fc.to(number).eval().requires_grad_(requires_grad=False),
    )
    speech = llama(language, sizes, tokenizer, number)
    if speech.width != frames.shape[1]:
        raise CheckpointRefused("its pictures do not become rows of the language model's width")
    speech.model.to(where)
    return RadFM(speech, look.to(where), frames.to(where, number), spec)


class RadFM:
    """The composition: `<image>`, the picture's rows, `</image>`, then the question."""

    def __init__(self, speech: Speech, look: Any, frames: Tensor, spec: ModelSpec) -> None:
        """Join the parts. `frames`: the rows of `<image>` and `</image>`."""
        self.speech = speech
        self._look = look
        self._frames = frames
        self._most_images = spec.most_images
        self._sees_priors = spec.sees_priors

    @property
    def conversation(self) -> tuple[str, ...]:
        """An order, which stands after the pictures as it is."""
        return (plain(ordered(SAMPLE)),)

    def ask(self, asked: Asked, questions: Sequence[Question]) -> tuple[Tensor, tuple[Asking, ...]]:
        """The pictures; then each question."""
        opening = self._opening(asked)
        return opening, tuple(Asking(self.speech.spoken(plain(question.text)), question.answers) for question in questions)

    def order(self, asked: Asked, prompt: Prompt) -> Tensor:
        """As `ask`, with the order in place of a question."""
        import torch

        return torch.cat([self._opening(asked), self.speech.spoken(plain(ordered(prompt)))])

    def look(self, asked: Asked) -> Tensor:
        """The rows of each picture, [pictures, latents, width]: the study's images, then the prior's first."""
        import torch

        shown = asked.images[: self._most_images] + (asked.priors[:1] if self._sees_priors else ())
        rows: Tensor = self._look(torch.stack([volume(image) for image in shown]).to(self._frames))
        return rows

    def _opening(self, asked: Asked) -> Tensor:
        """What the authors' table gives for the tokens begin, `<image>`, `<image0>` to `<image31>`, `</image>`, `<image>`, `<image32>`."""
        import torch

        first, last = self._frames[:1], self._frames[1:]
        return torch.cat([self.speech.spoken("", begins=True), *(part for rows in self.look(asked) for part in (first, rows, last))])


def volume(image: Image) -> Tensor:
    """A flat picture as the volume RadFM takes: 512 x 512, sides not in proportion, 4 equal slices, [3, 512, 512, 4], 0..1.

    The authors' demonstration crops at random before it; here the whole picture is squashed, so that the same picture is the same.
    """
    import numpy as np
    import torch
    from PIL.Image import Resampling

    from tools.med_vlm.backends.composed.radfm.vision import CHANNELS, SIDE

    squashed = to_pil(image).resize((SIDE, SIDE), Resampling.BICUBIC)
    pixels = torch.from_numpy(np.asarray(squashed, np.float32) / 255).movedim(-1, 0)
    return pixels[..., None].expand(CHANNELS, SIDE, SIDE, 4)


def _same_vocabulary(language: dict[str, Tensor], copy: Tensor | None) -> None:
    """The published checkpoint holds the vocabulary twice, safetensors perhaps once: take it from either, refuse two that differ."""
    import torch

    held = language.get(VOCABULARY, copy)
    if held is None or (copy is not None and not torch.equal(held, copy)):
        raise CheckpointRefused("its two copies of the vocabulary are missing or differ")
    language[VOCABULARY] = held
