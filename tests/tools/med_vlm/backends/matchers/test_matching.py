"""From scores to probabilities, and what a matcher says of itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.asked import Image, asked_of
from tools.med_vlm.asking.questions import question, side_question
from tools.med_vlm.backends.matchers.matching import Matching, matcher_profile, model_name, softmax
from tools.med_vlm.errors import ModelOutOfMemory
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt, Question

SPEC = ModelSpec(name="one", backend="clip", source="here", licence="MIT", views=("PA",), youngest=18, most_images=3, sees_priors=True)
SCORES = st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6).map(np.array)


@given(scores=SCORES, level=st.floats(-1e3, 1e3))
def test_probabilities_add_up_to_one_whatever_the_scores_level(scores: np.ndarray, level: float) -> None:
    made = softmax(scores)
    assert made.sum() == pytest.approx(1)
    assert np.isfinite(made).all()
    assert np.allclose(made, softmax(scores + level), atol=1e-9)
    assert made[scores.argmax()] == made.max()


def test_equal_scores_are_no_choice_and_a_difference_is_its_log_odds() -> None:
    assert softmax(np.array([3.0, 3.0])).tolist() == [0.5, 0.5]
    assert softmax(np.array([1.0, 0.0]))[0] == pytest.approx(1 / (1 + np.exp(-1)))


def test_rows_go_with_their_questions_and_scores_with_their_answers() -> None:
    questions = (side_question("nodule"), question("nodule"))
    model = Matching("m", "0" * 64, matcher_profile(SPEC), lambda image, asked: [np.arange(len(one.answers)) * 1.0 for one in asked])
    first, second = model.choose(asked_of(np.zeros((4, 4), np.float32)), questions)
    assert (first.name, second.name) == ("nodule.side", "nodule")
    assert list(first.probabilities) == ["left", "right", "both"]
    assert sorted(first.probabilities, key=lambda answer: first.probabilities[answer]) == ["left", "right", "both"]


def test_without_a_question_nothing_is_looked_at() -> None:
    model = Matching("m", "0" * 64, matcher_profile(SPEC), lambda image, asked: pytest.fail("it was looked at"))
    assert model.choose(asked_of(np.zeros((4, 4), np.float32)), ()) == ()
    assert model.write(asked_of(np.zeros((4, 4), np.float32)), Prompt("", ""), samples=3) == ()


def test_a_device_without_memory_is_an_error_that_may_pass() -> None:
    def full(image: Image, asked: Sequence[Question]) -> list[np.ndarray]:
        raise torch.OutOfMemoryError("4 GB of a patient's image")

    model = Matching("m", "0" * 64, matcher_profile(SPEC), full)
    with pytest.raises(ModelOutOfMemory) as refused:
        model.choose(asked_of(np.zeros((4, 4), np.float32)), [question("nodule")])
    assert refused.value.retryable
    assert "patient" not in str(refused.value)


def test_a_row_too_few_is_no_answer() -> None:
    model = Matching("m", "0" * 64, matcher_profile(SPEC), lambda image, asked: [np.zeros(1)])
    with pytest.raises(ValueError, match="zip"):
        model.choose(asked_of(np.zeros((4, 4), np.float32)), [question("nodule")])


def test_the_profile_is_the_settings_held_to_one_image_and_no_prior() -> None:
    profile = matcher_profile(SPEC)
    assert (profile.role, profile.views, profile.youngest) == ("matcher", ("PA",), 18)
    assert (profile.most_images, profile.sees_priors) == (1, False)


def test_a_name_holds_what_tells_readings_apart() -> None:
    assert model_name(SPEC) == "one"
    pinned = SPEC.model_copy(update={"revision": "ab" * 20})
    assert model_name(pinned, "answers") == "one abababababab (answers)"
