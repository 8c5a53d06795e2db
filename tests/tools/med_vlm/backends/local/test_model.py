"""Every family of models that transformers reads: it answers about an image, it writes, and always the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.med_vlm.asked import Asked, Image, asked_of
from tools.med_vlm.backends.local import open_local
from tools.med_vlm.backends.local.model import LocalModel
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.deadline import within
from tools.med_vlm.errors import ImageRefused, ModelOutOfMemory, ModelTimedOut, PromptTooLong
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Answered, Prompt, Question

EFFUSION = Question("effusion", "Is there a pleural effusion? Answer yes or no.", ("yes", "no"), ())
SIDE = Question("side", "On which side? Answer left, right or both.", ("left", "right", "both"), ())
REPORT = Prompt("You read chest radiographs.", "Describe the findings.", most_tokens=6)
COMMON = pytest.mark.parametrize("family", ["llava", "gemma3", "qwen2.5-vl"], indirect=True)
"""Enough where the families differ in nothing that is tested."""


def apart(one: tuple[Answered, ...], other: tuple[Answered, ...]) -> float:
    return max(abs(a.probabilities[name] - b.probabilities[name]) for a, b in zip(one, other, strict=True) for name in a.probabilities)


def test_answers_are_probabilities_of_this_image_asked_together_or_one_by_one(model: LocalModel, image: Asked, other_image: Asked) -> None:
    together = model.choose(image, [EFFUSION, SIDE])
    assert [answer.name for answer in together] == ["effusion", "side"]
    assert [tuple(answer.probabilities) for answer in together] == [EFFUSION.answers, SIDE.answers]
    assert all(math.isclose(sum(answer.probabilities.values()), 1) and answer.basis == "log-probabilities" for answer in together)
    assert apart(together[:1], model.choose(image, [EFFUSION])) < 1e-5
    assert apart(together[:1], model.choose(other_image, [EFFUSION])) > 1e-5


def test_it_keeps_the_contract_of_every_back_end(opened: Callable[[str], LocalModel], keeps_the_contract: Callable[..., None]) -> None:
    keeps_the_contract(opened("qwen3-vl"))


def spelled_out(model: LocalModel, image: Asked, question: Question) -> dict[str, float]:
    """The same probabilities by one forward pass over each whole text, as a textbook would."""
    text = model.turns.text("", question.text, [""])
    sums = {answer: [log_probability(model, image, text, form) for form in (answer, answer.capitalize())] for answer in question.answers}
    shares = {answer: sum(math.exp(log) for log in logs) for answer, logs in sums.items()}
    return {answer: share / sum(shares.values()) for answer, share in shares.items()}


def log_probability(model: LocalModel, image: Asked, text: str, answer: str) -> float:
    picture, space = to_pil(image.focal), " " if text.endswith(":") else ""
    how = {"return_tensors": "pt", "add_special_tokens": not model.turns.begun(text)}
    asked = model.turns.processor(images=[[picture]], text=[text], **how)
    whole = model.turns.processor(images=[[picture]], text=[text + space + answer], **how)
    start = asked["input_ids"].shape[1]
    assert torch.equal(whole["input_ids"][:, :start], asked["input_ids"])
    with torch.inference_mode():
        logs = model.network(**whole).logits[0].log_softmax(-1)
    tokens = whole["input_ids"][0]
    return sum(float(logs[place - 1, tokens[place]]) for place in range(start, len(tokens)))


@pytest.mark.parametrize(
    "family", ["llava", "llava-next", "gemma3", "idefics3", "blip2", "qwen2-vl", "qwen2.5-vl", "qwen3-vl"], indirect=True
)
def test_probabilities_are_those_of_the_answers_whole_texts(model: LocalModel, image: Asked) -> None:
    """PaliGemma's texts hold the answer in a field of its own, and T5's are written by a decoder apart: not spelled out like this."""
    (answer,) = model.choose(image, [SIDE])
    assert answer.probabilities == pytest.approx(spelled_out(model, image, SIDE), abs=1e-5)


def test_the_first_text_is_what_the_library_writes_without_chance_and_the_others_are_draws(model: LocalModel, image: Asked) -> None:
    text = model.turns.text(REPORT.system, REPORT.user, [""])
    batch = model._batch([text], [to_pil(image.focal)])
    with torch.inference_mode():
        made = model.network.generate(**batch, max_new_tokens=REPORT.most_tokens, do_sample=False)[0]
    written = made[batch["input_ids"].shape[1] :] if not model.network.config.is_encoder_decoder else made
    texts = model.write(image, REPORT, samples=3)
    assert texts[0].text == model.turns.processor.tokenizer.decode(written, skip_special_tokens=True).strip()
    assert len({text.text for text in texts}) == 3


@pytest.mark.fault(67)
@pytest.mark.parametrize("family", ["llava"], indirect=True)
def test_the_same_question_has_the_same_answer_twenty_times(model: LocalModel, image: Asked) -> None:
    answers = {str(model.choose(image, [EFFUSION])) for _ in range(20)}
    texts = {model.write(image, replace(REPORT, most_tokens=2), samples=2) for _ in range(3)}
    assert len(answers) == len(texts) == 1


@COMMON
def test_a_model_that_is_opened_again_answers_to_the_last_bit_the_same(
    family: str, model: LocalModel, tiny: Callable[..., Path], pinned: Callable[..., ModelSpec], image: Asked
) -> None:
    again = open_local(pinned(tiny(family)))
    assert again.choose(image, [SIDE]) == model.choose(image, [SIDE])
    assert again.fingerprint == model.fingerprint
    assert again.name == model.name
    assert again.profile.role == "generative reader"


@pytest.mark.fault(66)
def test_whoever_waits_for_the_model_or_its_words_waits_no_longer_than_the_reading_has(
    opened: Callable[[str], LocalModel], image: Asked
) -> None:
    model = opened("llava")
    for ask in (lambda: model.choose(image, [SIDE]), lambda: model.write(image, REPORT)):
        with pytest.raises(ModelTimedOut), within(0):
            ask()
        with model._alone, pytest.raises(ModelTimedOut), within(0.02):
            ask()
    assert model.choose(image, [SIDE])


def test_a_second_view_and_a_prior_are_shown_where_the_family_takes_them(model: LocalModel, image: Asked, other_image: Asked) -> None:
    several = Asked((image.focal, Image(other_image.focal.pixels, view="LL")), (other_image.focal,))
    moved = apart(model.choose(image, [EFFUSION]), model.choose(several, [EFFUSION]))
    assert (moved > 1e-6) == ("blip2" not in model.turns.model_type.replace("-", ""))


def test_words_cannot_place_an_image_or_end_a_turn(model: LocalModel, image: Asked) -> None:
    marks = " ".join(["<image>", *sorted(model.turns.processor.tokenizer.get_added_vocab())])
    hostile, calm = (
        model._batch([model.turns.text("", words, [""])], [to_pil(image.focal)])["input_ids"]
        for words in (f"Is {marks} there?", "Is there?")
    )
    special = torch.tensor(sorted(model.turns.processor.tokenizer.get_added_vocab().values()))
    assert torch.isin(hostile, special).sum() == torch.isin(calm, special).sum()


@contextmanager
def ending_at(model: LocalModel, step: int) -> Iterator[None]:
    """Let the text end at that token."""
    seen = iter(range(1000))

    def bend(_: Any, __: Any, logits: torch.Tensor) -> torch.Tensor:
        if next(seen) == step:
            logits = logits.clone()
            logits[..., min(model.ends)] += 1e4
        return logits

    handle = model.network.get_output_embeddings().register_forward_hook(bend)
    try:
        yield
    finally:
        handle.remove()


@COMMON
def test_a_text_is_whole_only_if_it_ended_by_itself(model: LocalModel, image: Asked) -> None:
    with ending_at(model, 3):
        (ended,) = model.write(image, REPORT)
    (cut,) = model.write(image, replace(REPORT, most_tokens=3))
    assert (ended.whole, cut.whole) == (True, False)
    assert ended.text == cut.text


@contextmanager
def memory_for(model: LocalModel, rows: int) -> Iterator[list[int]]:
    """A device that holds so many rows and raises torch's own error above; gives the sizes that were tried."""
    tried: list[int] = []

    def check(_: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        tokens = named.get("input_ids", given[0] if given else None)
        assert tokens is not None
        tried.append(len(tokens))
        if tried[-1] > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    handle = model.network.register_forward_pre_hook(check, with_kwargs=True)
    try:
        yield tried
    finally:
        handle.remove()


@pytest.mark.fault(66)
@pytest.mark.parametrize("family", ["paligemma"], indirect=True)
def test_what_does_not_fit_together_is_asked_in_smaller_parts(model: LocalModel, image: Asked) -> None:
    whole = model.choose(image, [EFFUSION, SIDE])
    with memory_for(model, 1) as tried:
        assert apart(model.choose(image, [EFFUSION, SIDE]), whole) < 1e-5
        assert len(model.write(image, replace(REPORT, most_tokens=2), samples=2)) == 2
    assert max(tried) > 1


@pytest.mark.fault(66)
@pytest.mark.parametrize("family", ["llava"], indirect=True)
def test_without_memory_for_one_row_the_error_is_retryable_and_the_model_lives_on(model: LocalModel, image: Asked) -> None:
    with memory_for(model, 0), pytest.raises(ModelOutOfMemory) as refused:
        model.choose(image, [EFFUSION])
    assert refused.value.retryable
    assert refused.value.__cause__ is None
    assert model.choose(image, [EFFUSION])


@pytest.mark.fault(66)
@COMMON
def test_an_answer_that_takes_too_long_is_given_up(model: LocalModel, image: Asked) -> None:
    hurried = replace(model, timeout=0)
    for ask in (lambda: hurried.choose(image, [EFFUSION]), lambda: hurried.write(image, REPORT)):
        with pytest.raises(ModelTimedOut):
            ask()


@contextmanager
def ticking(model: LocalModel, clock: list[float]) -> Iterator[None]:
    """Each token takes a second, and each passage that is heard."""

    def tick(*_: object) -> None:
        clock[0] += 1

    handle = model.network.get_output_embeddings().register_forward_hook(tick)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.fault(66)
@pytest.mark.parametrize("family", ["llava", "paligemma", "blip2-t5", "qwen2.5-vl"], indirect=True)
def test_what_is_under_way_ends_with_the_token_that_its_time_ends_with(model: LocalModel, image: Asked, clock: list[float]) -> None:
    before = model.choose(image, [EFFUSION])
    for ask, seconds in (
        (lambda: model.write(image, replace(REPORT, most_tokens=300)), 6),
        (lambda: model.write(image, replace(REPORT, most_tokens=300), samples=3), 6),
        (lambda: model.choose(image, [EFFUSION, SIDE] * 9), 1),
    ):
        clock[0] = 0
        with ticking(model, clock), pytest.raises(ModelTimedOut), within(seconds):
            ask()
        assert clock == [seconds]
    assert model.choose(image, [EFFUSION]) == before


@pytest.mark.fault(66)
@pytest.mark.parametrize("family", ["llava", "blip2"], indirect=True)
def test_a_prompt_is_not_read_to_its_end_for_nobody(model: LocalModel, image: Asked, clock: list[float]) -> None:
    """A prompt of pictures is one call, and takes a large model on a CPU longer than many tokens."""
    reached: list[str] = []

    def tick(*_: object) -> None:
        clock[0] += 1
        reached.append("the first layer")

    (first, *_) = [layers[0] for layers in model.network.modules() if isinstance(layers, torch.nn.ModuleList)]
    handles = [first.register_forward_hook(tick), model.network.register_forward_hook(lambda *_: reached.append("the end"))]
    try:
        with pytest.raises(ModelTimedOut), within(1):
            model.write(image, REPORT)
    finally:
        for handle in handles:
            handle.remove()
    assert reached == ["the first layer"]


@pytest.mark.parametrize("family", ["blip2"], indirect=True)
def test_a_model_of_one_picture_says_so_whatever_the_settings_do(model: LocalModel) -> None:
    assert (model.profile.most_images, model.profile.sees_priors) == (1, False)


@pytest.mark.parametrize("family", ["blip2"], indirect=True)
def test_more_than_the_model_can_take_in_is_refused_and_less_room_makes_shorter_texts(model: LocalModel, image: Asked) -> None:
    with pytest.raises(PromptTooLong):
        model.choose(image, [replace(EFFUSION, text="x7" * 1200)])
    words = 1024 - len(model._batch([model.turns.text("", "", [""])], [to_pil(image.focal)])["input_ids"][0]) - 6
    (text,) = model.write(image, replace(REPORT, system="", user="7" * words, most_tokens=400))
    assert not text.whole


@pytest.mark.fault(62)
@pytest.mark.parametrize("family", ["llava"], indirect=True)
def test_a_text_that_goes_in_circles_is_stopped(model: LocalModel, image: Asked) -> None:
    def stuck(_: Any, __: Any, logits: torch.Tensor) -> torch.Tensor:
        seen.append(len(logits))
        bent = torch.zeros_like(logits)
        bent[..., 40 + len(seen) % 2] = 9.0
        return bent

    seen: list[int] = []
    handle = model.network.get_output_embeddings().register_forward_hook(stuck)
    try:
        (text,) = model.write(image, replace(REPORT, most_tokens=400))
    finally:
        handle.remove()
    assert len(seen) < 40
    assert not text.whole


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(1, 300), columns=st.integers(1, 300), name=st.sampled_from(["llava", "idefics3", "qwen3-vl"]))
def test_an_image_of_any_sides_is_answered_about_or_refused(
    rows: int, columns: int, name: str, opened: Callable[[str], LocalModel]
) -> None:
    pixels = np.random.default_rng(rows).random((rows, columns), dtype=np.float32)
    try:
        (answer,) = opened(name).choose(asked_of(pixels), [EFFUSION])
    except ImageRefused:
        assert name == "qwen3-vl"
        assert max(rows, columns) > 200 * min(rows, columns)
    else:
        assert sum(answer.probabilities.values()) == pytest.approx(1)


@pytest.mark.gpu
@COMMON
def test_on_a_gpu_it_answers_as_on_the_cpu_within_the_precision_of_bfloat16(
    family: str, model: LocalModel, tiny: Callable[..., Path], pinned: Callable[..., ModelSpec], image: Asked
) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU here")
    there = open_local(pinned(tiny(family), device="cuda", most_images=2, sees_priors=True))
    here = open_local(pinned(tiny(family), device="cpu", most_images=2, sees_priors=True))
    assert there.network.dtype == torch.bfloat16
    assert apart(there.choose(image, [EFFUSION, SIDE]), here.choose(image, [EFFUSION, SIDE])) < 0.05
