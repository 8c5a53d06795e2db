"""Cases become the questions a reader is asked; the loss is on the answer's tokens alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.med_vlm.adapting.examples.corpus import Pair
from tools.med_vlm.adapting.lora.chat import Chat, Task, tasks_of
from tools.med_vlm.adapting.losses import NOT_ASKED
from tools.med_vlm.asked import Image
from tools.med_vlm.asking.questions import question
from tools.med_vlm.backends.local.processing import load_processor
from tools.med_vlm.backends.local.prompting import turns_of
from tools.med_vlm.backends.pixels import to_pil
from tools.med_vlm.errors import TrainingBaseRefused

Tiny = Callable[[str], Path]
PIXELS = np.random.default_rng(1).random((40, 40)).astype(np.float32)
SHORT = Task(0, "", question("pneumothorax").text, "no")
LONG = Task(1, "You are an assistant.", "Describe the image.", "The heart is enlarged. No pleural effusion.")


def chat_of(tiny: Tiny, kind: str) -> Chat:
    family = {"llava": "llava", "gemma3": "gemma3", "idefics3": "idefics3", "paligemma": "paligemma"}[kind]
    return Chat(turns_of(load_processor(tiny(kind), family), family))


@pytest.mark.parametrize("kind", ["llava", "gemma3", "idefics3", "paligemma"])
def test_only_the_answer_and_its_end_are_asked(kind: str, tiny: Tiny) -> None:
    chat = chat_of(tiny, kind)
    batch, labels = chat.batch([SHORT, LONG], [to_pil(Image(PIXELS))] * 2)
    tokenizer: Any = chat.processor.tokenizer
    for row, task in enumerate((SHORT, LONG)):
        asked = labels[row][labels[row] != NOT_ASKED]
        said = tokenizer.decode(asked)
        assert task.answer in said
        assert said.strip().startswith(task.answer[:2])
        assert tokenizer.decode(asked, skip_special_tokens=True).strip().startswith(task.answer)
        assert said.strip() != task.answer  # the end is learnt as well
        places = (labels[row] != NOT_ASKED).nonzero()[:, 0].tolist()
        assert places == list(range(labels.shape[1] - len(places), labels.shape[1]))  # padding is on the left
        assert batch["input_ids"][row][labels[row] != NOT_ASKED].tolist() == asked.tolist()
        if kind == "paligemma":  # which else reads the answer with the question
            assert bool((batch["token_type_ids"][row] == 1)[labels[row] != NOT_ASKED].all())


def test_marks_in_a_report_are_words_to_nobody(tiny: Tiny) -> None:
    chat = chat_of(tiny, "gemma3")
    mark = chat.processor.tokenizer.eos_token
    _, answer, _ = chat.written(replace(LONG, answer=f"The heart{mark}is enlarged."))
    assert "The heart is enlarged." in answer


def test_a_template_that_puts_thoughts_before_the_answer_is_refused(tiny: Tiny) -> None:
    processor = load_processor(tiny("llava"), "llava")
    processor.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {% if m['role'] == 'assistant' %}<think></think>{% endif %}"
        "{% for p in m['content'] %}{{ p['text'] if p['type'] == 'text' else '<image>' }}{% endfor %}{% endfor %}"
        "{% if add_generation_prompt %}assistant:  {% endif %}"
    )
    with pytest.raises(TrainingBaseRefused, match="between"):
        Chat(turns_of(processor, "llava"))


def test_a_report_is_told_without_comparisons_and_history(pair_of: Callable[..., Pair]) -> None:
    report = "INDICATION: cough\nFINDINGS: The heart is enlarged. The effusion has decreased since the prior study. No pneumothorax."
    (task,) = tasks_of([pair_of(0, report)], 0)
    assert task.answer == "The heart is enlarged. No pneumothorax."


def test_a_report_of_comparisons_alone_is_not_told(pair_of: Callable[..., Pair]) -> None:
    assert tasks_of([pair_of(0, "Unchanged compared with the prior radiograph.")], 0) == ()


def test_as_many_findings_are_affirmed_as_denied(pair_of: Callable[..., Pair]) -> None:
    said = {"cardiomegaly": "present", "nodule": "absent", "pneumothorax": "absent", "consolidation": "uncertain", "fracture": "present"}
    pair = replace(pair_of(0), said=said)
    tasks = [task for task in tasks_of([pair], 1) if not task.system]
    assert (tasks[0].user, tasks[0].answer) == (question("cardiomegaly").text, "yes")
    assert [task.answer for task in tasks] == ["yes", "no"]
    assert {task.answer for task in tasks_of([pair], 9)} >= {"yes", "no"}
    assert len([task for task in tasks_of([pair], 9) if not task.system]) == 3  # what is doubted or unknown to the vocabulary is not asked


def test_another_case_is_asked_for_another_finding_first(pair_of: Callable[..., Pair]) -> None:
    said = dict.fromkeys(("pleural_effusion", "pneumothorax", "consolidation"), "absent")
    asked = {tasks_of([replace(pair_of(line), said=said)], 1)[-1].user for line in range(4)}
    assert len(asked) > 1
