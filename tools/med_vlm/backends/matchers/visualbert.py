"""VisualBERT (Li et al. 2019) over a grid of image regions.

VisualBERT was published over the regions of an object detector, which nobody publishes for radiographs: here the regions are the
7 x 7 squares of an image tower's last layer (`base`: a ViT or ResNet folder), whose width must be that of the regions the checkpoint was
trained on. A checkpoint's projection fits the tower it was trained beside, and no other: without training together the answers are
chance.

How it chooses, which its name says:
    answers               a head over fixed answers (VQA): the head's score of each allowed answer, read at the [MASK] behind the question
    words and alignment   a pre-training checkpoint: the mean log-probability of the answer's word pieces at [MASK]s behind the
                          question, plus that of the answer's caption belonging to the image
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tools.med_vlm.asked import Image
from tools.med_vlm.backends.matchers.checkpoint import Checkpoint, loading, open_checkpoint, ready
from tools.med_vlm.backends.matchers.matching import Matching, Scores, matcher_profile, model_name
from tools.med_vlm.backends.matchers.regions import open_regions
from tools.med_vlm.backends.matchers.words import Words, read_words
from tools.med_vlm.checkpoint import refuse_incomplete, settings
from tools.med_vlm.errors import AnswerNotKnown, CheckpointRefused
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Question

if TYPE_CHECKING:
    from torch import Tensor

ANSWERS = "answers_vqa.txt"
"""The answers of the VQA head, one a line, in the order of its outputs: beside the weights, whose settings number them only."""
LONGEST = 128
"""Tokens of a text in its training."""
ALIGNED = 1
"""The alignment head's class of a caption that belongs to the image.

The authors' code passes `is_correct` as the label, so that 1 is right; Hugging Face's documentation says 0, as of BERT's next sentence.
"""
_MAY_BE_LEFT = ("position_ids",)
"""The numbers 0, 1, 2 …, which early files keep."""


class Way(Protocol):
    """How a checkpoint comes to scores."""

    name: str

    def scores(self, regions: Tensor, question: Question) -> Scores:
        """Of regions [1, n, width], the score of each allowed answer."""
        ...


def open_visualbert(spec: ModelSpec) -> Matching:
    """The matcher of a VisualBERT folder for question answering or pre-training, beside the image tower `base`.

    Raises:
        CheckpointRefused: a tensor is missing or left over; another task's head; no word pieces, answers or image tower; or the
            tower's width is not that of the checkpoint's regions.
    """
    checkpoint = open_checkpoint(spec)
    if checkpoint.base is None:
        raise CheckpointRefused("VisualBERT sees regions, not pixels: `base` must name the folder of an image tower")
    model = load_visualbert(checkpoint)
    regions = open_regions(checkpoint.base, model.config.visual_embedding_dim, spec.device)
    ready(model, spec.device)
    way = _way(model, checkpoint)

    def score(image: Image, questions: Sequence[Question]) -> list[Scores]:
        seen = regions(image)
        return [way.scores(seen, question) for question in questions]

    return Matching(model_name(spec, way.name), checkpoint.fingerprint, matcher_profile(spec), score)


def load_visualbert(checkpoint: Checkpoint) -> Any:
    """The model of the class its settings name, float32, every tensor used and none drawn at random.

    Raises:
        CheckpointRefused: a tensor is missing or left over, or its head is for another task.
    """
    import torch
    from transformers import VisualBertForPreTraining, VisualBertForQuestionAnswering

    names = settings(checkpoint.folder.path).get("architectures") or []
    kinds = [kind for kind in (VisualBertForQuestionAnswering, VisualBertForPreTraining) if kind.__name__ in names]
    if len(kinds) != 1:
        raise CheckpointRefused("its settings name neither VisualBertForQuestionAnswering nor VisualBertForPreTraining")
    with loading():
        model, notes = kinds[0].from_pretrained(
            str(checkpoint.folder.path), output_loading_info=True, local_files_only=True, dtype=torch.float32, use_safetensors=True
        )
    refuse_incomplete(notes, unread=_MAY_BE_LEFT)
    if model.config.max_position_embeddings < LONGEST:
        raise CheckpointRefused(f"it has fewer than {LONGEST} places for a text")
    return model


def _way(model: Any, checkpoint: Checkpoint) -> Way:
    words = read_words((checkpoint.folder,)).fitting(model.config.vocab_size)
    if hasattr(model.cls, "seq_relationship"):
        return WordsAndAlignment(model, words)
    return Answers(model, words, read_answers(checkpoint, model.config))


def read_answers(checkpoint: Checkpoint, config: Any) -> tuple[str, ...]:
    """The answers of the VQA head in its order: of `answers_vqa.txt`, or of settings that name them.

    Raises:
        CheckpointRefused: neither names as many as the head has outputs.
    """
    if checkpoint.folder.has(ANSWERS):
        text = (checkpoint.folder.path / ANSWERS).read_text("utf-8", errors="replace")
        named = tuple(line.strip() for line in text.splitlines())
    else:
        named = tuple(config.id2label[number] for number in sorted(config.id2label))
    if len(named) != config.num_labels or all(name.startswith("LABEL_") for name in named):
        raise CheckpointRefused(f"nothing names the answers of its head; {ANSWERS} holds one a line")
    return named


class Answers:
    """The head over fixed answers."""

    name = "answers"

    def __init__(self, model: Any, words: Words, answers: Sequence[str]) -> None:
        self._model = model
        self._words = words
        self._numbers = {answer.casefold(): number for number, answer in reversed(list(enumerate(answers)))}

    def scores(self, regions: Tensor, question: Question) -> Scores:
        """The head's score of each allowed answer.

        Raises:
            AnswerNotKnown: the head has no such answer.
        """
        numbers = [self._number(answer) for answer in question.answers]
        logits = run(self._model, hidden_behind(question.text, 1, self._words), regions).logits[0]
        return np.array([float(logits[number]) for number in numbers])

    def _number(self, answer: str) -> int:
        number = self._numbers.get(answer.casefold())
        if number is None:
            raise AnswerNotKnown(answer)
        return number


class WordsAndAlignment:
    """The two heads of pre-training, their log-probabilities added up."""

    name = "words and alignment"

    def __init__(self, model: Any, words: Words) -> None:
        self._model = model
        self._words = words

    def scores(self, regions: Tensor, question: Question) -> Scores:
        """Of each allowed answer: its word pieces behind the question, and its caption beside the image."""
        pairs = zip(question.answers, question.captions, strict=True)
        return np.array([self.said(regions, question.text, answer) + self.aligned(regions, caption) for answer, caption in pairs])

    def said(self, regions: Tensor, text: str, answer: str) -> float:
        """The mean log-probability of the answer's word pieces, each hidden, behind the question.

        Raises:
            AnswerNotKnown: the answer has no word pieces.
        """
        pieces = self._words.pieces(answer)
        if not pieces:
            raise AnswerNotKnown(answer)
        tokens = hidden_behind(text, len(pieces), self._words)
        logits = run(self._model, tokens, regions).prediction_logits[0, len(tokens) - 1 - len(pieces) : len(tokens) - 1]
        chances = logits.double().log_softmax(-1)
        return float(np.mean([float(chances[place, piece]) for place, piece in enumerate(pieces)]))

    def aligned(self, regions: Tensor, caption: str) -> float:
        """The log-probability that the caption belongs to the image."""
        logits = run(self._model, self._words.framed(caption, LONGEST), regions).seq_relationship_logits[0]
        return float(logits.double().log_softmax(-1)[ALIGNED])


def hidden_behind(text: str, hidden: int, words: Words) -> list[int]:
    """[CLS], the text to its first question mark, as many [MASK]s as `hidden`, [SEP]: what follows are orders to a model that talks."""
    question = text.partition("?")[0] + "?"
    return [words.cls, *words.pieces(question)[: LONGEST - 2 - hidden], *[words.mask] * hidden, words.sep]


def run(model: Any, tokens: Sequence[int], regions: Tensor) -> Any:
    """What the model makes of token numbers and regions [1, n, width]. Regions are of kind 1, as the authors set them."""
    import torch

    text = torch.tensor([list(tokens)], device=regions.device)
    ones = torch.ones(regions.shape[:2], dtype=torch.long, device=regions.device)
    with torch.inference_mode():
        return model(
            input_ids=text,
            attention_mask=torch.ones_like(text),
            token_type_ids=torch.zeros_like(text),
            visual_embeds=regions,
            visual_attention_mask=ones,
            visual_token_type_ids=ones,
        )
