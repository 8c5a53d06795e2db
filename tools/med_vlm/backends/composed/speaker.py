"""A composed model as a back end: one question after another on one thread at a time, the same seed for the same sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from tools.med_vlm.asked import Asked
from tools.med_vlm.backends.placing import memory
from tools.med_vlm.profile import Profile
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Answered, Prompt, Question, Written

if TYPE_CHECKING:
    from torch import Tensor

    from tools.med_vlm.backends.composed.speech import Asking, Speech


class Composition(Protocol):
    """How a model's pictures become rows of embeddings, and where they stand among its words."""

    @property
    def speech(self) -> Speech:
        """The language model that reads the rows."""
        ...

    def ask(self, asked: Asked, questions: Sequence[Question]) -> tuple[Tensor, tuple[Asking, ...]]:
        """What all questions begin with, [places, width], and each question after it."""
        ...

    def order(self, asked: Asked, prompt: Prompt) -> Tensor:
        """A report's whole prompt, [places, width]."""
        ...


class Speaker:
    """A `VisionModel` over a composition."""

    writes = True

    def __init__(self, composition: Composition, spec: ModelSpec, fingerprint: str, **profile: object) -> None:
        """Keep what a reading names it by. `profile`: what is so whatever the settings say."""
        self.name = f"{spec.name} {(spec.revision or fingerprint)[:12]}"
        self.fingerprint = fingerprint
        self.profile: Profile = spec.profile("generative reader").model_copy(update=profile)
        self._composition = composition
        self._turn = Lock()

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        """An answer to each question, in order: the answers' log-probabilities, made to add up to one.

        Raises:
            ImageRefused: a picture is none.
            PromptTooLong: images and question are more than the model can attend to.
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
            ImageRefused, PromptTooLong: as `choose`.
        """
        import torch

        with self._speaking():
            order = self._composition.order(asked, prompt)
            chances = [None, *(torch.Generator().manual_seed(seed) for seed in range(1, samples))]
            return tuple(self._composition.speech.say(order, prompt.most_tokens, chance) for chance in chances[:samples])

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        import torch

        with self._turn, torch.inference_mode(), memory():
            yield


def _shares(weights: Sequence[float]) -> tuple[float, ...]:
    most = max(weights)
    scaled = [math.exp(weight - most) for weight in weights]
    return tuple(each / sum(scaled) for each in scaled)
