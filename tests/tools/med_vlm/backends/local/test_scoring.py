"""Answers become tokens in few rows, and log-probabilities shares of one."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.backends.local.model import LocalModel
from tools.med_vlm.backends.local.scoring import Scores, Walk, answered, walks, ways
from tools.med_vlm.vision_model import Question

YES_NO = Question("effusion", "Is there an effusion?", ("yes", "no"), ())


def test_answers_of_one_token_share_a_row_and_longer_ones_share_their_beginnings() -> None:
    said = [{"yes": frozenset({(1,), (2,)}), "no": frozenset({(3,), (4, 5)})}, {"left": frozenset({(6, 7), (6, 8)})}]
    assert walks(["a", "b"], said) == [Walk(0, "a", (), (1, 2, 3)), Walk(0, "a", (4,), (5,)), Walk(1, "b", (6,), (7, 8))]


def test_a_probability_is_of_all_ways_to_say_an_answer() -> None:
    said = [{"yes": frozenset({(1,), (2,)}), "no": frozenset({(4, 5)})}]
    logs = [Scores(Walk(0, "a", (), (1, 2)), [math.log(0.1), math.log(0.2)]), Scores(Walk(0, "a", (4,), (5,)), [math.log(0.1)])]
    (answer,) = answered([YES_NO], said, logs)
    assert answer.probabilities == pytest.approx({"yes": 0.75, "no": 0.25})
    assert (answer.name, answer.basis, answer.samples) == ("effusion", "log-probabilities", 0)


@given(st.lists(st.floats(-5000, 0), min_size=2, max_size=2))
def test_shares_add_up_to_one_however_unlikely_all_answers_are(logs: list[float]) -> None:
    said = [{"yes": frozenset({(1,)}), "no": frozenset({(2,)})}]
    (answer,) = answered([YES_NO], said, [Scores(Walk(0, "a", (), (1, 2)), logs)])
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert (answer.probabilities["yes"] > answer.probabilities["no"]) == (logs[0] > logs[1]) or math.isclose(logs[0], logs[1], abs_tol=1e-9)


@pytest.mark.parametrize(
    ("family", "before"), [("llava", "ASSISTANT: "), ("gemma3", "<start_of_turn>model\n"), ("qwen3-vl", "assistant\n")]
)
def test_an_answer_is_said_as_given_and_with_a_capital_after_the_models_own_words(
    family: str, before: str, opened: Callable[[str], LocalModel]
) -> None:
    model = opened(family)
    text = model.turns.text("", YES_NO.text, [""])
    tokenizer = model.turns.processor.tokenizer
    said = {tokenizer.decode([*model.turns.tokens(text), *way]) for way in ways(model.turns, text, "yes", apart=False)}
    assert said == {tokenizer.decode(model.turns.tokens(f"{text.rsplit(before.strip(), 1)[0]}{before}{word}")) for word in ("yes", "Yes")}


def test_a_decoder_of_its_own_says_the_answer_without_what_was_asked(opened: Callable[[str], LocalModel]) -> None:
    turns = opened("blip2-t5").turns
    assert ways(turns, "Question: what? Answer:", "no", apart=True) == {tuple(turns.tokens("no")), tuple(turns.tokens("No"))}
