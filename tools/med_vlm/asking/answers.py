"""What a model answers when it is asked about findings, checked: one probability a finding, and a side where it has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from fhir.codes import FINDING, Side
from tools.med_vlm.asked import Asked
from tools.med_vlm.asking.questions import SIDES, YES, question, side_question
from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.vision_model import Answered, Question, VisionModel

LIKELY: Final = 0.5
"""A finding at or above it is likelier than not: the model's answer is yes."""
_ONE_SIDE: Final = 0.5
"""A side is told when it is likelier than both others together."""
_ROUNDING: Final = 1e-3
"""How far probabilities of a model in half precision may be from one."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Of one model about one study."""

    probabilities: Mapping[str, float]
    """By finding of the profile, in the vocabulary's order."""
    sides: Mapping[str, Side]
    """Of findings likelier than not, where one side is likelier than the others."""
    notes: tuple[str, ...] = ()

    def says(self, key: str) -> bool:
        """Whether the answer is yes."""
        return self.probabilities[key] >= LIKELY


def asked_all(model: VisionModel, asked: Asked) -> Answers:
    """Two calls at most: every finding of the model's profile, then the sides of those that are likelier than not.

    Raises:
        ModelOutputInvalid: the answers are not to the questions, or are no probabilities.
        MedVlmError: the model did not answer.
    """
    first = _findings(model, asked)
    found = _yes(first)
    likely = [key for key, value in found.items() if value >= LIKELY and FINDING[key].lateral]
    answered = _choose(model, asked, [side_question(key) for key in likely]) if likely else ()
    sides = {key: side for key, one in zip(likely, answered, strict=True) if (side := _side(one)) is not None}
    return Answers(found, sides, _counted(first))


def probabilities(model: VisionModel, asked: Asked) -> dict[str, float]:
    """The model's own probability of each finding of its profile, in the vocabulary's order, in one call.

    Raises:
        ModelOutputInvalid, MedVlmError: as `asked_all`.
    """
    return _yes(_findings(model, asked))


def _findings(model: VisionModel, asked: Asked) -> tuple[Answered, ...]:
    return _choose(model, asked, [question(key) for key in FINDING if key in model.profile.findings])


def _yes(answered: Sequence[Answered]) -> dict[str, float]:
    return {one.name: min(one.probabilities[YES], 1.0) for one in answered}


def _choose(model: VisionModel, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
    answered = model.choose(asked, questions)
    if [one.name for one in answered] != [one.name for one in questions]:
        raise ModelOutputInvalid("the answers are not those to the questions")
    for one, of in zip(answered, questions, strict=True):
        given = [one.probabilities.get(answer, -1.0) for answer in of.answers]
        if len(one.probabilities) != len(given) or not all(isfinite(value) and value >= 0 for value in given):
            raise ModelOutputInvalid("an allowed answer has no probability")
        if abs(sum(given) - 1) > _ROUNDING:
            raise ModelOutputInvalid("the probabilities of the allowed answers do not add up to one")
    return tuple(answered)


def _side(one: Answered) -> Side | None:
    answer = max(one.probabilities, key=lambda each: one.probabilities[each])
    return SIDES[answer] if one.probabilities[answer] > _ONE_SIDE else None


def _counted(answered: Sequence[Answered]) -> tuple[str, ...]:
    counts = {one.samples for one in answered if one.basis == "sampled"}
    return (f"probabilities were counted over {min(counts)} drawn answers each",) if counts else ()
