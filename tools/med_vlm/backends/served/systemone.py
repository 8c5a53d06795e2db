"""Typed questions (`/v1/systemone` of transformers serve): a probability for each allowed answer, and nothing generated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from tools.med_vlm.backends.served.line import Ask, Line, Stream
from tools.med_vlm.backends.served.shown import Part, Shown, state, without_placeholders
from tools.med_vlm.errors import ModelAnswerUnusable
from tools.med_vlm.vision_model import Answered, Question

MOST_QUESTIONS = 64
"""Of one request."""
_MOST_BYTES = 1 << 20
_NEAR_ONE = 1e-3


class Chosen(BaseModel):
    """The answer to one question."""

    probabilities: dict[str, float]


class _Answers(BaseModel):
    answers: dict[str, Chosen]


class SystemOne:
    """Typed questions to one model of one server."""

    def __init__(self, line: Line, model: str) -> None:
        """Nothing is asked yet. `model`: as the server knows it; it is repeated in the answer whatever answers, and proves nothing."""
        self._line, self._model = line, model

    def choose(self, images: Sequence[Shown], questions: Sequence[Question]) -> tuple[Answered, ...]:
        """An answer to each question, in order; the first four images are shown.

        Raises:
            ModelAnswerUnusable: a question is not answered, or not by probabilities of its answers.
            MedVlmError: as `Line.ask`.
        """
        batches = [questions[begin : begin + MOST_QUESTIONS] for begin in range(0, len(questions), MOST_QUESTIONS)]
        return tuple(answered for batch in batches for answered in self._batch(images, batch))

    def _batch(self, images: Sequence[Shown], questions: Sequence[Question]) -> list[Answered]:
        words, assets = state(images)
        said = {"model": self._model, "state": words, "questions": {one.name: _asked(one) for one in questions}, "assets": assets}
        answers = self._line.ask(Ask("systemone", _MOST_BYTES, json.dumps(said).encode(), at_once=True), answers_in)
        return [Answered(one.name, distribution(answers.get(one.name), one), "scored") for one in questions]


def _asked(question: Question) -> Part:
    return {
        "type": "choice",
        "instructions": without_placeholders(question.text),
        "criteria": dict.fromkeys(question.answers),
    }


def answers_in(stream: Stream) -> Mapping[str, Chosen]:
    """The answers by their questions' names.

    Raises:
        ModelAnswerUnusable: it is not in the protocol.
    """
    try:
        return _Answers.model_validate_json(b"".join(stream.parts)).answers
    except ValueError:
        raise ModelAnswerUnusable("it is not in the protocol of typed questions") from None


def distribution(chosen: Chosen | None, question: Question) -> dict[str, float]:
    """The probability of each allowed answer, in the question's order, adding up to one.

    Raises:
        ModelAnswerUnusable: the question is left out, or what was given is no distribution over its answers.
    """
    if chosen is None or set(chosen.probabilities) != set(question.answers):
        raise ModelAnswerUnusable("a question is left out, or answered by what was not allowed")
    given = {answer: chosen.probabilities[answer] for answer in question.answers}
    total = sum(given.values())
    if not (abs(total - 1) <= _NEAR_ONE and min(given.values()) >= 0):  # NaN is neither
        raise ModelAnswerUnusable("probabilities that do not add up to one")
    return {answer: probability / total for answer, probability in given.items()}
