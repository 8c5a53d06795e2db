"""Typed questions: what a server answers is a probability for each allowed answer, or no answer."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tools.med_vlm.asked import Image
from tools.med_vlm.backends.served.line import Stream
from tools.med_vlm.backends.served.shown import Shown, data_url
from tools.med_vlm.backends.served.systemone import MOST_QUESTIONS, SystemOne, answers_in, distribution
from tools.med_vlm.errors import ModelAnswerUnusable
from tools.med_vlm.vision_model import Question

SIDE = Question("side", "Which side?", ("left", "right", "both"), ("", "", ""))


def probabilities(**given: float) -> dict[str, float]:
    body = json.dumps({"model": "m", "answers": {"side": {"type": "choice", "choice": "left", "probabilities": given}}})
    return distribution(answers_in(Stream("application/json", iter([body.encode()]))).get("side"), SIDE)


def test_probabilities_come_in_the_questions_order_and_add_up_to_one() -> None:
    found = probabilities(both=0.2, right=0.3, left=0.4996)
    assert list(found) == ["left", "right", "both"]
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"left": 0.5, "right": 0.5},
        {"left": 0.5, "right": 0.25, "both": 0.25, "neither": 0.0},
        {"left": 0.5, "right": 0.1, "both": 0.1},
        {"left": 1.2, "right": -0.1, "both": -0.1},
        {"left": float("nan"), "right": 0.5, "both": 0.5},
    ],
    ids=["none", "one left out", "one not allowed", "not one together", "below nothing", "no number"],
)
def test_what_is_no_distribution_over_the_allowed_answers_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(ModelAnswerUnusable):
        probabilities(**given)


@pytest.mark.fault(62)
@pytest.mark.parametrize("body", [b"", b"[]", b'{"answers": []}', b'{"answers": {"other": {"probabilities": {}}}}', b"[" * 100_000])
def test_what_is_not_in_the_protocol_is_refused(body: bytes) -> None:
    with pytest.raises(ModelAnswerUnusable):
        distribution(answers_in(Stream("application/json", iter([body]))).get("side"), SIDE)


def test_many_questions_go_in_as_few_requests_as_the_protocol_allows(serve: Any, line: Any) -> None:
    server = serve(systemone=True)
    questions = [Question(f"q{number}", "Is it? [[image 1]]", ("yes", "no"), ("", "")) for number in range(MOST_QUESTIONS + 6)]
    answered = SystemOne(line(server), "tiny").choose([], questions)
    assert [one.name for one in answered] == [one.name for one in questions]
    bodies = server.bodies("/v1/systemone")
    assert [len(body["questions"]) for body in bodies] == [MOST_QUESTIONS, 6]
    assert bodies[0]["questions"]["q0"] == {"type": "choice", "instructions": "Is it? [image 1]]", "criteria": {"yes": None, "no": None}}


def test_four_images_are_shown_at_most(serve: Any, line: Any) -> None:
    server = serve(systemone=True)
    image = Shown("An image", data_url(Image(np.zeros((2, 2), np.float32))))
    SystemOne(line(server), "tiny").choose([image] * 6, [SIDE])
    (body,) = server.bodies("/v1/systemone")
    assert list(body["assets"]) == [f"[[image {number}]]" for number in (1, 2, 3, 4)]
    assert body["state"].count("[[image") == 4
