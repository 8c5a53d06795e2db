"""A composed model as a back end: one question after another on one thread at a time, the same seed for the same sample."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.backends.composed.speech import SAMPLE
from tools.med_vlm.backends.placing import memory
from tools.med_vlm.checkpoint import making
from tools.med_vlm.deadline import in_turn, within
from tools.med_vlm.profile import Profile
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Answered, Prompt, Question, Written

if TYPE_CHECKING:
    from torch import Tensor

    from tools.med_vlm.backends.composed.speech import Asking, Speech


_VERSION = "composed 1"
"""Raise when the same files, asked in the same words, come to give other answers: how pictures are made rows, how texts are drawn."""


class Composition(Protocol):
    """How a model's pictures become rows of embeddings, and where they stand among its words."""

    @property
    def speech(self) -> Speech:
        """The language model that reads the rows."""
        ...

    @property
    def conversation(self) -> Sequence[str]:
        """Every passage that stands around pictures, questions and orders and is in no file of the model's, and what ends a text."""
        ...

    def ask(self, asked: Asked, questions: Sequence[Question]) -> tuple[Tensor, tuple[Asking, ...]]:
        """What all questions begin with, [places, width], and each question after it."""
        ...

    def order(self, asked: Asked, prompt: Prompt) -> Tensor:
        """A report's whole prompt, [places, width]."""
        ...


def tried(composition: Composition) -> None:
    """Put a question about a picture of nobody, unanswered: settings that do not fit are found when a folder is opened, not in a reading.

    Raises:
        CheckpointRefused: no prompt can be made, as with pictures of another size than the weights are for.
        ModelOutOfMemory: the device has not the memory for a picture.
    """
    import numpy as np
    import torch

    grey = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    asked = Asked((Image(grey, view="PA"),), indication=SAMPLE.user)
    with torch.inference_mode(), making("a prompt with a picture"), memory():
        composition.ask(asked, [Question("nothing", SAMPLE.user, ("yes",), ("nothing",))])
        composition.order(asked, SAMPLE)


class Speaker:
    """A `VisionModel` over a composition."""

    writes = True

    def __init__(self, composition: Composition, spec: ModelSpec, fingerprint: str, **profile: object) -> None:
        """Keep what a reading names it by, and try it. `fingerprint`: of its files. `profile`: what is so whatever the settings say.

        Raises:
            CheckpointRefused, ModelOutOfMemory: as `tried`.
        """
        tried(composition)
        self.name = f"{spec.name} {(spec.revision or fingerprint)[:12]}"
        told = [_VERSION, fingerprint, *composition.conversation]
        self.fingerprint = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        self.profile: Profile = spec.profile("generative reader").model_copy(update=profile)
        self._composition = composition
        self._timeout = spec.timeout
        self._turn = Lock()

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        """An answer to each question, in order: the answers' log-probabilities, made to add up to one.

        Raises:
            ImageRefused: a picture is none.
            PromptTooLong: images and question are more than the model can attend to.
            ModelOutputInvalid: what it computes is no number.
            ModelTimedOut: the answers did not come in time, or others were asking until it was over.
        """
        with self._speaking():
            opening, each = self._composition.ask(asked, questions)
            weighed = self._composition.speech.weigh(opening, each)
        return tuple(
            Answered(question.name, dict(zip(question.answers, _shares(weights), strict=True)), "log-probabilities")
            for question, weights in zip(questions, weighed, strict=True)
        )

    def write(self, asked: Asked, prompt: Prompt, *, samples: int = 1) -> tuple[Written, ...]:
        """`samples` texts, the first its likeliest, the others drawn by the seeds 1, 2 and so on.

        Raises:
            ImageRefused, PromptTooLong, ModelOutputInvalid, ModelTimedOut: as `choose`.
        """
        import torch

        with self._speaking():
            order = self._composition.order(asked, prompt)
            chances = [None, *(torch.Generator().manual_seed(seed) for seed in range(1, samples))]
            return tuple(self._composition.speech.say(order, prompt.most_tokens, chance) for chance in chances[:samples])

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        import torch

        with in_turn(self._turn), within(self._timeout), torch.inference_mode(), memory():
            yield


def _shares(weights: Sequence[float]) -> tuple[float, ...]:
    most = max(weights)
    scaled = [math.exp(weight - most) for weight in weights]
    return tuple(each / sum(scaled) for each in scaled)
