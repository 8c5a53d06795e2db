"""Every composed model keeps what a back end promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tools.med_vlm.asked import Asked, Image, asked_of
from tools.med_vlm.asking.questions import question
from tools.med_vlm.backends.composed import maira2, maira2_prompt, minigpt4, speaker
from tools.med_vlm.backends.composed.radfm import opening
from tools.med_vlm.backends.composed.speaker import Speaker
from tools.med_vlm.backends.composed.speech import SAMPLE
from tools.med_vlm.catalogue import open_model, open_uncalibrated
from tools.med_vlm.deadline import within
from tools.med_vlm.errors import ModelTimedOut
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.timed import Timed
from tools.med_vlm.vision_model import Prompt, Question

MODELS = ("minigpt4-vicuna", "minigpt4-llama2", "radfm", "maira-2")


@pytest.mark.parametrize("name", MODELS)
def test_a_composed_model_keeps_the_contract(opened: Callable[[str], Any], keeps_the_contract: Callable[..., None], name: str) -> None:
    model = opened(name)
    assert isinstance(model, Speaker)
    keeps_the_contract(model)


@pytest.mark.parametrize("name", MODELS)
def test_it_answers_in_a_gpus_number_format_nearly_as_in_the_cpus(
    opened: Callable[[str], Any],
    spec_of_model: Callable[[str], ModelSpec],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    for module in (maira2, minigpt4, opening):
        monkeypatch.setattr(module, "place", lambda _: (torch.device("cpu"), torch.bfloat16))
    coarse = open_model(spec_of_model(name))
    asked = asked_of(np.random.default_rng(1).random((30, 30), dtype=np.float32))
    (fine,), (rough,) = (model.choose(asked, [question("pleural_effusion")]) for model in (opened(name), coarse))
    assert rough.probabilities["yes"] == pytest.approx(fine.probabilities["yes"], abs=0.1)
    assert coarse.write(asked, Prompt("", "Describe.", most_tokens=3))


def test_a_reading_names_it_by_its_revision_or_else_by_its_files(opened: Callable[[str], Any]) -> None:
    model = opened("radfm")._composition
    files = Speaker(model, ModelSpec(name="m", backend="radfm", source="/", licence="MIT"), "f" * 64)
    assert files.name == f"m {'f' * 12}"
    revision = "0123456789abcdef0123456789abcdef01234567"
    spec = ModelSpec(name="m", backend="radfm", source="/", licence="MIT", revision=revision, most_images=3)
    named = Speaker(model, spec, "f" * 64, sees_priors=True)
    assert (named.name, named.fingerprint) == ("m 0123456789ab", files.fingerprint)
    assert (named.profile.sees_priors, named.profile.most_images, named.profile.role) == (True, 3, "generative reader")


def test_a_seed_belongs_to_a_samples_number_and_the_first_has_none(opened: Callable[[str], Any]) -> None:
    model = opened("minigpt4-vicuna")
    asked = asked_of(np.random.default_rng(2).random((30, 30), dtype=np.float32))
    three, two = (model.write(asked, Prompt("", "Describe.", most_tokens=10), samples=samples) for samples in (3, 2))
    assert three[:2] == two
    assert len({written.text for written in three}) > 1


IMAGE = np.random.default_rng(3).random((30, 30), dtype=np.float32)
LONG, SHORT = (Prompt("", "Describe.", most_tokens=tokens) for tokens in (300, 3))


@contextmanager
def ticking(model: Any, clock: list[float]) -> Iterator[None]:
    """Each passage that the language model hears takes a second."""

    def tick(*_: object) -> None:
        clock[0] += 1

    handle = model._composition.speech.model.register_forward_hook(tick)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.fault(66)
@pytest.mark.parametrize("name", MODELS)
def test_a_text_under_way_ends_with_the_token_that_its_time_ends_with(opened: Callable[[str], Any], clock: list[float], name: str) -> None:
    model = opened(name)
    before = model.write(asked_of(IMAGE), SHORT)
    for samples, seconds in ((1, 6), (3, 6), (1, 1)):
        clock[0] = 0
        with ticking(model, clock), pytest.raises(ModelTimedOut), within(seconds):
            model.write(asked_of(IMAGE), LONG, samples=samples)
        assert clock == [seconds]
    assert model.write(asked_of(IMAGE), SHORT) == before, "what was stopped took nothing with it"


@pytest.mark.fault(66)
@pytest.mark.parametrize("name", MODELS)
def test_questions_under_way_end_in_the_midst_of_one(opened: Callable[[str], Any], clock: list[float], name: str) -> None:
    model = opened(name)
    before = model.choose(asked_of(IMAGE), [question("nodule")])
    for seconds in (1, 3):
        clock[0] = 0
        with ticking(model, clock), pytest.raises(ModelTimedOut), within(seconds):
            model.choose(asked_of(IMAGE), [question("nodule")] * 5)
        assert clock == [seconds]
    assert model.choose(asked_of(IMAGE), [question("nodule")]) == before


@pytest.mark.fault(66)
@pytest.mark.parametrize("name", MODELS)
def test_a_picture_is_not_looked_at_to_the_end_for_nobody(opened: Callable[[str], Any], clock: list[float], name: str) -> None:
    model = opened(name)
    with pytest.raises(ModelTimedOut), within(0):
        model._composition.order(asked_of(IMAGE), LONG)


@pytest.mark.fault(66)
def test_the_settings_bound_one_answer_and_the_reading_all_of_them(opened: Callable[[str], Any], clock: list[float]) -> None:
    model = opened("radfm")
    spec = ModelSpec(name="m", backend="radfm", source="/", licence="MIT", timeout=4)
    hurried = Speaker(model._composition, spec, "f" * 64)
    with ticking(model, clock), pytest.raises(ModelTimedOut), within(100):
        hurried.write(asked_of(IMAGE), LONG)
    assert clock == [4]
    with ticking(model, clock), within(100):
        assert hurried.write(asked_of(IMAGE), SHORT)


@pytest.mark.fault(66)
def test_a_whole_reading_of_it_ends_in_its_time_and_nothing_of_it_is_shown(
    spec_of_model: Callable[[str], ModelSpec], clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.med_vlm.report.prompting._MOST_TOKENS", 300)
    uncalibrated = open_uncalibrated(spec_of_model("maira-2"))
    model = uncalibrated._model._model  # type: ignore[attr-defined]
    with ticking(model, clock):
        uncalibrated.probabilities(asked_of(IMAGE))
        one = clock[0]
        for seconds in (one - 1, one + 5):
            clock[0] = 0
            with pytest.raises(ModelTimedOut):
                Timed(uncalibrated, seconds).read(asked_of(IMAGE))
            assert clock == [seconds]


@pytest.mark.fault(66)
def test_a_turn_is_waited_for_no_longer_than_the_reading_has(opened: Callable[[str], Any]) -> None:
    model = opened("radfm")
    with model._turn, pytest.raises(ModelTimedOut), within(0.02):
        model.choose(asked_of(IMAGE), [question("nodule")])
    assert model.choose(asked_of(IMAGE), [question("nodule")])


def marked(opened: Callable[[str], Any], name: str) -> str:
    spec = ModelSpec(name="m", backend="radfm", source="/", licence="MIT")
    return Speaker(opened(name)._composition, spec, "f" * 64).fingerprint


CHANGED = [
    *((name, speaker, "_VERSION", "another") for name in MODELS),
    *((name, minigpt4, "_BETWEEN", "</Img> <Img>") for name in MODELS[:2]),
    ("radfm", opening, "ordered", lambda prompt: f"{prompt.system}: {prompt.user}"),
    ("maira-2", maira2_prompt, "_DESCRIBE", " Describe it."),
    ("maira-2", maira2_prompt, "_GROUND", " Draw boxes."),
    ("maira-2", maira2_prompt, "_NOTHING", "none"),
    ("maira-2", maira2, "sentence", str),
]


@pytest.mark.fault(68)
@pytest.mark.parametrize(("name", "module", "word", "other"), CHANGED, ids=[f"{each[0]} {each[2]}" for each in CHANGED])
def test_other_words_around_a_question_are_another_model(
    opened: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, name: str, module: Any, word: str, other: Any
) -> None:
    before = marked(opened, name)
    monkeypatch.setattr(module, word, other)
    assert marked(opened, name) != before


def test_the_same_files_spoken_to_otherwise_are_another_model(opened: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    vision = opened("minigpt4-vicuna")._composition._vision
    before = marked(opened, "minigpt4-vicuna")
    turns = minigpt4.VICUNA
    for other in (replace(turns, opening=("Look: <Img>",)), replace(turns, closing=" Answer: "), replace(turns, stops=())):
        monkeypatch.setattr(vision, "turns", other)
        assert marked(opened, "minigpt4-vicuna") != before
    assert marked(opened, "maira-2") != marked(opened, "radfm")


@pytest.mark.fault(68)
@pytest.mark.parametrize("name", MODELS)
def test_every_word_that_is_its_own_is_in_its_fingerprint(opened: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What reaches the tokenizer about nobody is the conversation, but for marks and words of the folder's own chat template."""
    composition = opened(name)._composition
    heard: list[str] = []
    tokens = composition.speech.tokens

    def listening(text: str, **how: bool) -> list[int]:
        heard.append(text)
        return list(tokens(text, **how))

    monkeypatch.setattr(composition.speech, "tokens", listening)
    image = Image(IMAGE, view="PA")
    asked = Asked((image, image), (image,), indication="a reason")
    with torch.inference_mode():
        composition.order(asked, SAMPLE)
        composition.ask(asked, [Question("q", f"{SAMPLE.system} {SAMPLE.user}", ("yes",), ("a caption",))])
    if name == "maira-2":
        said = {part["text"] for turn in composition.conversation[:-1] for part in json.loads(turn)[0]["content"] if part["text"]}
        template = "An expert reads.  USER: ", " ASSISTANT: ", " <image>"
        heard = [without(text, said, template) for text in heard]
    assert set(heard) <= {*composition.conversation, ""}


def without(text: str, said: set[str], template: tuple[str, ...]) -> str:
    for words in (*sorted(said, key=len, reverse=True), *template):
        text = text.replace(words, "")
    return text
