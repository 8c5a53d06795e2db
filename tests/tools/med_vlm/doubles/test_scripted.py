"""The double keeps the contract of a `VisionModel`, says what it was told, and the contract catches those who break it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.asking.questions import question, side_question
from tools.med_vlm.doubles.scripted import ScriptedModel
from tools.med_vlm.vision_model import Answered, Prompt, Question, Written

ASKED = asked_of(np.random.default_rng(0).random((80, 80), dtype=np.float32))


@pytest.mark.parametrize("scripts", [(), [["No effusion.", "An effusion."]]], ids=["answers only", "writes"])
def test_the_double_keeps_the_contract_but_for_looking(scripts: list[list[str]], keeps_the_contract: Callable[..., None]) -> None:
    keeps_the_contract(ScriptedModel({"pleural_effusion": 0.8}, scripts), looks=False)
    with pytest.raises(AssertionError):
        keeps_the_contract(ScriptedModel({"pleural_effusion": 0.8}, scripts))


class Drifting(ScriptedModel):
    """Says a little more each time."""

    counted = itertools.count(1)

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        drift = next(self.counted) / 100
        return tuple(replace(one, probabilities=moved(one, drift)) for one in super().choose(asked, questions))


class Shouting(ScriptedModel):
    """Gives probabilities above one."""

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        return tuple(
            replace(one, probabilities={answer: value * 2 for answer, value in one.probabilities.items()})
            for one in super().choose(asked, questions)
        )


class Scribbling(ScriptedModel):
    """Writes on the image."""

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        asked.focal.pixels[0, 0] = 1
        return super().choose(asked, questions)


class Silent(ScriptedModel):
    """Says that it writes, and does not."""

    def write(self, asked: Asked, prompt: Prompt, *, samples: int = 1) -> tuple[Written, ...]:
        return ()


class Nameless(ScriptedModel):
    fingerprint = "of unknown weights"


def moved(answered: Answered, by: float) -> dict[str, float]:
    first, *rest = answered.probabilities
    left = (1 - by) / len(rest)
    return {first: by, **dict.fromkeys(rest, left)}


@pytest.mark.parametrize("broken", [Drifting, Shouting, Silent, Nameless])
def test_the_contract_catches_a_model_that_breaks_it(broken: type[ScriptedModel], keeps_the_contract: Callable[..., None]) -> None:
    with pytest.raises(AssertionError):
        keeps_the_contract(broken(scripts=[["No effusion."]]), looks=False)


def test_the_contract_catches_a_model_that_writes_on_the_image(keeps_the_contract: Callable[..., None]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        keeps_the_contract(Scribbling(), looks=False)


def test_it_answers_as_told_and_otherwise_as_it_does_by_default() -> None:
    model = ScriptedModel({"nodule": 0.9, "nodule.side": {"left": 0.2, "right": 0.7, "both": 0.1}}, otherwise=0.3)
    nodule, side, other = model.choose(ASKED, (question("nodule"), side_question("nodule"), question("atelectasis")))
    assert nodule.probabilities == {"yes": 0.9, "no": pytest.approx(0.1)}
    assert side.probabilities == {"left": 0.2, "right": 0.7, "both": 0.1}
    assert other.probabilities == {"yes": 0.3, "no": 0.7}
    assert [one.name for one in model.chosen[0]] == ["nodule", "nodule.side", "atelectasis"]


def test_it_writes_one_script_after_the_other_and_keeps_to_the_last() -> None:
    model = ScriptedModel(scripts=[["one", "two"], [Written("three", whole=False)]])
    prompts = [Prompt("s", str(number)) for number in range(3)]
    assert [one.text for one in model.write(ASKED, prompts[0], samples=3)] == ["one", "two", "one"]
    assert model.write(ASKED, prompts[1]) == model.write(ASKED, prompts[2]) == (Written("three", whole=False),)
    assert model.prompts == prompts


def test_it_names_itself_as_a_double() -> None:
    assert "double" in ScriptedModel.name
