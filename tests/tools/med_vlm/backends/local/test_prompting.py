"""A question in each family's own turns, in which the words of a record are words and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.backends.local.model import LocalModel
from tools.med_vlm.backends.local.processing import load_processor
from tools.med_vlm.backends.local.prompting import turns_of

WRITTEN = {
    "llava": "SYSTEM: You read. USER: <image>\nWhat? ASSISTANT:",
    "gemma3": "<bos><start_of_turn>user\nYou read.<end_of_turn>\n<start_of_turn>user\n<start_of_image>What?<end_of_turn>\n"
    "<start_of_turn>model\n",
    "idefics3": "<|im_start|>System: You read.<end_of_utterance>\nUser: <image>What?<end_of_utterance>\nAssistant:",
    "blip2": "Question: You read.\n\nWhat? Answer:",
    "qwen2.5-vl": "<|im_start|>system\nYou read.<|im_end|>\n<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>What?<|im_end|>\n"
    "<|im_start|>assistant\n",
}


@pytest.mark.parametrize(("family", "text"), WRITTEN.items())
def test_a_question_is_written_in_the_folders_own_turns(family: str, text: str, opened: Callable[[str], LocalModel]) -> None:
    assert opened(family).turns.text("You read.", "What?", ["The image to read:"]) == text


def test_several_images_have_a_line_each(opened: Callable[[str], LocalModel]) -> None:
    turns = opened("llava").turns
    assert turns.text("", "What?", ["One:", "Two:"]) == "USER: One: <image>\n\nTwo: <image>\n\nWhat? ASSISTANT:"


PARTS = "{% for p in m['content'] %}{{ p.get('text', '<image>') }}{% endfor %}{% endfor %}"
NO_SYSTEM = {
    "raises": "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + PARTS,
    "leaves it out": "{% for m in messages if m['role'] == 'user' %}" + PARTS,
    "wants a string": "{% for m in messages %}{% if m['role'] == 'system' %}{{ 'S: ' + m['content'] }}{% endif %}" + PARTS,
}


@pytest.mark.parametrize("template", NO_SYSTEM.values(), ids=NO_SYSTEM)
def test_where_a_template_has_no_place_for_the_system_its_words_come_before_the_users(template: str, tiny: Callable[..., Path]) -> None:
    processor = load_processor(tiny("llava"), "llava")
    processor.chat_template = template
    turns = turns_of(processor, "llava")
    assert not turns.takes_system
    assert turns.text("You read.", "What?", [""]) == "<image>You read.\n\nWhat?"


HOSTILE = st.lists(
    st.sampled_from(["<image>", "<start_of_image>", "<end_of_turn>", "<ima", "ge>", "<bos>", " ", "a", "\n", "<image_soft_token>", "<"]),
    max_size=8,
)


@given(pieces=HOSTILE)
def test_no_words_can_become_a_mark_of_the_model(pieces: list[str], opened: Callable[[str], LocalModel]) -> None:
    turns = opened("gemma3").turns
    calm = turns.text("", "What?", [""])
    text = turns.text("", "".join(pieces), [""])
    special = set(turns.processor.tokenizer.get_added_vocab().values())
    assert [token for token in turns.tokens(text) if token in special] == [token for token in turns.tokens(calm) if token in special]
    assert text.count("<image>") == 0


@pytest.mark.parametrize(
    ("before", "joined"), [("ASSISTANT:", " yes"), ("model\n", "yes"), ("<end_of_turn>", "yes"), ("[/INST]", " yes"), ("A: ", "yes")]
)
def test_a_space_comes_before_an_answer_unless_there_is_one(before: str, joined: str, opened: Callable[[str], LocalModel]) -> None:
    assert opened("gemma3").turns.joined(before, "yes") == joined


def test_a_text_that_begins_with_the_token_of_beginnings_gets_no_second(opened: Callable[[str], LocalModel]) -> None:
    turns = opened("gemma3").turns
    assert turns.begun(turns.text("", "What?", [""]))
    assert not opened("llava").turns.begun("USER:")
    assert not opened("qwen3-vl").turns.begun("<|im_start|>user")
