"""What all matchers share: one image, a score for each allowed answer, and the probabilities the scores come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.backends.placing import memory
from tools.med_vlm.profile import Profile
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Answered, Prompt, Question, Written

Scores = NDArray[np.float64]
Score = Callable[[Image, Sequence[Question]], Sequence[Scores]]
"""An image and questions about it to the log-score of each answer, a row [answers] a question; a row's own level means nothing."""


class Matching:
    """A `VisionModel` that chooses by scores. It looks at the focal image alone, whatever else the study holds."""

    writes = False

    def __init__(self, name: str, fingerprint: str, profile: Profile, score: Score) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.profile = profile
        self._score = score

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        """The probability of each answer: a softmax over the scores of its question.

        Raises:
            ImageRefused: the pixels are no picture.
            AnswerNotKnown: an answer the model has no score for.
            ModelOutOfMemory: the device has not the memory for it.
        """
        with memory():
            rows = self._score(asked.focal, questions) if questions else ()
        return tuple(_answered(question, row) for question, row in zip(questions, rows, strict=True))

    def write(self, asked: Asked, prompt: Prompt, *, samples: int = 1) -> tuple[Written, ...]:
        """Nothing: a matcher has no words of its own."""
        return ()


def _answered(question: Question, scores: Scores) -> Answered:
    return Answered(question.name, dict(zip(question.answers, softmax(scores).tolist(), strict=True)), "scored")


def softmax(scores: Scores) -> Scores:
    """Probabilities [answers] of log-scores [answers], adding up to one."""
    raised = np.exp(scores - scores.max())
    return np.asarray(raised / raised.sum(), dtype=np.float64)


def matcher_profile(spec: ModelSpec) -> Profile:
    """What the settings say of the model, held to what a matcher can do: one image, no prior."""
    return spec.profile("matcher").model_copy(update={"most_images": 1, "sees_priors": False})


def model_name(spec: ModelSpec, how: str = "") -> str:
    """As readings name the model: its name, the revision where the settings give one, and how it chooses where that is not one way."""
    revision = f" {spec.revision[:12]}" if spec.revision else ""
    return f"{spec.name}{revision}{f' ({how})' if how else ''}"
