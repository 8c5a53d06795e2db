"""From words, counts and log-probabilities to the probabilities of the allowed answers."""

from __future__ import annotations

import random
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.backends.served.chat import Alternative
from tools.med_vlm.backends.served.said_answer import answer_in, from_counts, from_first_tokens
from tools.med_vlm.errors import ModelAnswerUnusable

YES_NO = ("yes", "no")
SIDES = ("left", "right", "both")


@pytest.mark.parametrize(
    ("text", "answers", "answer"),
    [
        ("yes", YES_NO, "yes"),
        ("  **No.**", YES_NO, "no"),
        ("No, there is no pleural effusion, yes.", YES_NO, "no"),
        ('"Yes": a small one', YES_NO, "yes"),
        ("The answer is no", YES_NO, "no"),
        ("eyes and nose", YES_NO, None),
        ("The answer is yes or no", YES_NO, None),
        ("", YES_NO, None),
        ("Nothing to see", YES_NO, None),
        ("On the left.", SIDES, "left"),
        ("left and right", SIDES, "left"),
        ("not left but right", SIDES, None),
        ("BOTH sides", SIDES, "both"),
    ],
)
def test_an_answer_is_the_word_a_text_begins_with_or_the_only_one_it_names(text: str, answers: tuple[str, ...], answer: str | None) -> None:
    assert answer_in(text, answers) == answer


def tokens(**chances: float) -> list[Alternative]:
    return [Alternative(token=token, logprob=log(chance)) for token, chance in chances.items()]


def test_tokens_that_begin_the_same_answer_are_added_and_others_left_out() -> None:
    given = [*tokens(Yes=0.4, yes=0.1, The=0.3), *(Alternative(token=one, logprob=log(0.1)) for one in (" no", "▁No"))]
    assert from_first_tokens(given, YES_NO) == pytest.approx({"yes": 0.5 / 0.7, "no": 0.2 / 0.7})


def test_a_token_that_begins_two_answers_stands_for_none() -> None:
    assert from_first_tokens(tokens(lef=0.3, le=0.2, r=0.1), ("left", "less", "right")) == pytest.approx(
        {"left": 0.3 / 0.5, "less": 0.1 / 0.5, "right": 0.1 / 0.5}
    )


def test_an_answer_below_the_listed_tokens_gets_as_much_as_the_least_of_them() -> None:
    assert from_first_tokens(tokens(yes=0.9, The=0.01), YES_NO) == pytest.approx({"yes": 0.9 / 0.91, "no": 0.01 / 0.91})


def test_a_model_that_means_none_of_the_answers_makes_all_equal() -> None:
    assert from_first_tokens(tokens(The=0.9, A=0.05), SIDES) == pytest.approx(dict.fromkeys(SIDES, 1 / 3))


def test_no_tokens_are_no_answer() -> None:
    with pytest.raises(ModelAnswerUnusable):
        from_first_tokens([], YES_NO)


@given(st.lists(st.tuples(st.text(max_size=5), st.floats(-1e4, 0)), min_size=1), st.sampled_from([YES_NO, SIDES]))
def test_probabilities_of_any_tokens_add_up_to_one(pairs: list[tuple[str, float]], answers: tuple[str, ...]) -> None:
    found = from_first_tokens([Alternative(token=token, logprob=logprob) for token, logprob in pairs], answers)
    assert tuple(found) == answers
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) > 0


@pytest.mark.fault(67)
@given(st.lists(st.sampled_from(["yes", "No.", "maybe", ""]), max_size=9), st.randoms())
def test_counts_do_not_depend_on_the_order_and_are_never_certain(texts: list[str], chance: random.Random) -> None:
    found = from_counts(texts, YES_NO)
    chance.shuffle(texts)
    assert from_counts(texts, YES_NO) == found
    assert sum(found.values()) == pytest.approx(1)
    assert 0 < min(found.values()) <= max(found.values()) < 1


@pytest.mark.parametrize(("yes", "no", "probability"), [(0, 0, 0.5), (1, 0, 0.75), (8, 0, 8.5 / 9), (3, 5, 3.5 / 9)])
def test_counts_and_a_half(yes: int, no: int, probability: float) -> None:
    assert from_counts(["yes"] * yes + ["no"] * no + ["maybe"], YES_NO)["yes"] == pytest.approx(probability)
