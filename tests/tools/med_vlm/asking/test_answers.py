"""Answers are checked before anything is made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from fhir.codes import FINDINGS
from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.asking.answers import asked_all, probabilities
from tools.med_vlm.doubles.scripted import PROFILE, ScriptedModel
from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.vision_model import Answered, Question

ASKED = asked_of(np.random.default_rng(0).random((64, 64), dtype=np.float32))


def test_every_finding_of_the_profile_is_asked_in_one_call_and_sides_of_the_likely_in_another() -> None:
    model = ScriptedModel({"nodule": 0.5, "pneumothorax": 0.9, "cardiomegaly": 0.9, "nodule.side": 0.8, "pneumothorax.side": 0.4})
    answers = asked_all(model, ASKED)
    assert list(answers.probabilities) == [finding.key for finding in FINDINGS]
    assert [[one.name for one in call] for call in model.chosen] == [
        [finding.key for finding in FINDINGS],
        ["pneumothorax.side", "nodule.side"],
    ]
    assert answers.sides == {"nodule": "left"}
    assert answers.says("nodule")
    assert not answers.says("atelectasis")


def test_no_side_is_asked_where_nothing_is_likely() -> None:
    model = ScriptedModel(otherwise=0.49)
    assert asked_all(model, ASKED).sides == {}
    assert len(model.chosen) == 1


def test_a_profile_of_two_findings_is_asked_for_two() -> None:
    model = ScriptedModel(profile=PROFILE.model_copy(update={"findings": ("pacemaker", "nodule")}))
    assert list(probabilities(model, ASKED)) == ["nodule", "pacemaker"]


@pytest.mark.parametrize("answer", ["left", "right", "both"])
def test_the_likeliest_side_is_told_as_the_vocabulary_names_it(answer: str) -> None:
    others = dict.fromkeys({"left", "right", "both"} - {answer}, 0.2)
    model = ScriptedModel({"nodule": 0.9, "nodule.side": {**others, answer: 0.6}})
    assert asked_all(model, ASKED).sides == {"nodule": {"both": "bilateral"}.get(answer, answer)}


class Odd(ScriptedModel):
    """Answers the first question with something else."""

    def __init__(self, first: Answered | None) -> None:
        super().__init__()
        self._first = first

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        told, *rest = super().choose(asked, questions)
        return tuple(rest) if self._first is None else (replace(self._first, name=self._first.name or told.name), *rest)


def odd(probabilities: Mapping[str, float], name: str = "") -> Odd:
    return Odd(Answered(name, probabilities, "scored"))


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Odd(None), "not those to the questions"),
        (odd({"yes": 0.5, "no": 0.5}, "another"), "not those to the questions"),
        (odd({"yes": 1.0}), "no probability"),
        (odd({"yes": 0.5, "maybe": 0.5}), "no probability"),
        (odd({"yes": 0.5, "no": 0.25, "maybe": 0.25}), "no probability"),
        (odd({"yes": math.nan, "no": 0.5}), "no probability"),
        (odd({"yes": math.inf, "no": 0.5}), "no probability"),
        (odd({"yes": -0.1, "no": 1.1}), "no probability"),
        (odd({"yes": 0.9, "no": 0.9}), "add up"),
        (odd({"yes": 0.0, "no": 0.0}), "add up"),
    ],
)
def test_answers_that_are_no_probabilities_of_the_allowed_ones_are_refused(model: Odd, reason: str) -> None:
    with pytest.raises(ModelOutputInvalid, match=reason):
        probabilities(model, ASKED)


def test_a_rounding_error_above_one_is_cut_off() -> None:
    assert probabilities(odd({"yes": 1.0005, "no": 0.0}), ASKED)["pleural_effusion"] == 1


class Counting(ScriptedModel):
    """Counts what it drew."""

    def choose(self, asked: Asked, questions: Sequence[Question]) -> tuple[Answered, ...]:
        return tuple(replace(one, basis="sampled", samples=8) for one in super().choose(asked, questions))


def test_counted_probabilities_say_so() -> None:
    assert asked_all(Counting(), ASKED).notes == ("probabilities were counted over 8 drawn answers each",)
    assert asked_all(ScriptedModel(), ASKED).notes == ()
