"""Weighing and writing by a Llama with memory are what it does without."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.backends.composed.llama import load_llama
from tools.med_vlm.backends.composed.speech import Asking, Speech, circling, plain
from tools.med_vlm.errors import ModelOutputInvalid, PromptTooLong

ANSWERS = ("yes", "no", "a pleural effusion on the left", "no pleural effusion")


@pytest.fixture(scope="module")
def speech(llama_folder: Callable[..., Path]) -> Speech:
    return load_llama(llama_folder(), torch.float32)


def likelihood(speech: Speech, rows: torch.Tensor, answer: str) -> float:
    words = speech.tokens(answer)
    given_rows = torch.cat([rows, speech.rows(words)])
    logits = speech.model(inputs_embeds=given_rows[None]).logits[0].log_softmax(-1)
    return sum(float(logits[len(rows) + at - 1, word]) for at, word in enumerate(words))


@torch.no_grad()
def test_answers_weigh_what_they_weigh_when_everything_is_read_anew(speech: Speech) -> None:
    opening = speech.spoken("You read radiographs.", begins=True)
    questions = [speech.spoken(text) for text in ("Is there an effusion?", "Where?", "Is there an effusion?")]
    weighed = speech.weigh(opening, [Asking(rows, ANSWERS) for rows in questions])
    for rows, weights in zip(questions, weighed, strict=True):
        expected = [likelihood(speech, torch.cat([opening, rows]), answer) for answer in ANSWERS]
        assert weights == pytest.approx(expected, abs=1e-4)
    assert weighed[0] == pytest.approx(weighed[2], abs=1e-5)


@torch.no_grad()
def test_it_writes_its_likeliest_token_each_time(speech: Speech) -> None:
    prompt = speech.spoken("Describe the findings.", begins=True)
    tokens: list[int] = []
    for _ in range(8):
        given_rows = torch.cat([prompt, speech.rows(tokens)])
        tokens.append(int(speech.model(inputs_embeds=given_rows[None]).logits[0, -1].argmax()))
    assert speech.say(prompt, 8).text == speech.tokenizer.decode(tokens, skip_special_tokens=True).strip()


@torch.no_grad()
def test_a_seed_draws_the_same_text_again_and_another_seed_another(speech: Speech) -> None:
    prompt = speech.spoken("Describe the findings.", begins=True)

    def drawn(seed: int) -> str:
        return speech.say(prompt, 12, torch.Generator().manual_seed(seed)).text

    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(1, 5)}) > 1


@torch.no_grad()
def test_its_end_token_and_its_stop_words_end_a_text_whole_and_the_limit_does_not(llama_folder: Callable[..., Path]) -> None:
    speech = load_llama(llama_folder(), torch.float32)
    prompt = speech.spoken("Describe the findings.", begins=True)
    free = speech.say(prompt, 6)
    assert not free.whole
    tokens = speech.tokens(free.text)
    assert tokens
    stopped = load_llama(llama_folder(), torch.float32, stops=[free.text[1]])
    ended = stopped.say(prompt, 6)
    assert ended.whole
    assert ended.text == free.text.split(free.text[1], 1)[0].strip()
    speech.model.lm_head.weight[:] = 0
    speech.model.lm_head.weight[2] = speech.model.model(inputs_embeds=prompt[None]).last_hidden_state[0, -1]
    over = speech.say(prompt, 6)
    assert (over.text, over.whole) == ("", True)


@torch.no_grad()
def test_a_passage_that_comes_round_and_round_is_ended(llama_folder: Callable[..., Path]) -> None:
    speech = load_llama(llama_folder(), torch.float32)
    speech.model.lm_head.weight[:] = 0  # every token is as likely as the next: the first of them, for ever
    written = speech.say(speech.spoken("Describe."), 400)
    assert not written.whole
    speech.model.lm_head.weight[:] = 0
    assert len(speech.tokenizer.decode([0] * 16)) >= len(written.text)


@pytest.mark.fault(62)
@torch.no_grad()
def test_weights_that_hold_no_numbers_answer_nothing(llama_folder: Callable[..., Path]) -> None:
    speech = load_llama(llama_folder(), torch.float32)
    prompt = speech.spoken("Describe.", begins=True)
    speech.model.model.norm.weight[3] = float("nan")
    for ask in (
        lambda: speech.weigh(prompt, [Asking(prompt, ("yes", "no"))]),
        lambda: speech.say(prompt, 3),
        lambda: speech.say(prompt, 3, torch.Generator().manual_seed(1)),
    ):
        with pytest.raises(ModelOutputInvalid):
            ask()


@torch.no_grad()
def test_what_does_not_fit_is_refused_and_what_is_written_ends_where_the_room_does(llama_folder: Callable[..., Path]) -> None:
    speech = load_llama(llama_folder(), torch.float32)
    with pytest.raises(PromptTooLong):
        speech.weigh(speech.rows([5] * 500), [Asking(speech.rows([5] * 10), ("yes",)), Asking(speech.rows([5] * 12), ("yes",))])
    with pytest.raises(PromptTooLong):
        speech.say(speech.rows([5] * 512), 5)
    assert len(speech.tokens(speech.say(speech.rows([5, 6] * 254), 400).text)) <= 8


def test_a_stretched_rotary_embedding_gives_more_room(llama_folder: Callable[..., Path]) -> None:
    stretched = load_llama(llama_folder(rope_parameters={"rope_type": "linear", "factor": 1.5, "rope_theta": 10_000.0}), torch.float32)
    stretched.fits(512 * 3 // 2 - 1)
    with pytest.raises(PromptTooLong):
        stretched.fits(512 * 3 // 2)


def test_the_begin_token_stands_before_the_prompt_alone(speech: Speech) -> None:
    assert speech.tokens("yes", begins=True) == [1, *speech.tokens("yes")]
    assert speech.rows([]).shape == (0, speech.width)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=24), st.integers(0, 3))
def test_a_text_circles_when_one_passage_came_round_four_times(passage: list[int], lead: int) -> None:
    times = max(4, math.ceil(16 / len(passage)))
    assert circling([9] * lead + passage * times)


@given(st.integers(0, 200))
def test_a_text_whose_tokens_never_come_again_does_not_circle(length: int) -> None:
    assert not circling(range(length))


def test_a_short_repetition_is_no_circle() -> None:
    assert not circling(list(itertools.chain([1, 2, 3], [7] * 15)))
    assert not circling([1, 2, 3, 4, 5] * 3)


@given(st.text())
def test_plain_words_hold_no_mark(text: str) -> None:
    made = plain(text + "<image>###[INST]</s>", "###", "[INST]")
    assert not any(mark in made for mark in ("<", ">", "###", "[INST]"))
