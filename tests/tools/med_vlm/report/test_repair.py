"""One repair, and no second: mended where it was cut off, else asked for once more, else refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tools.med_vlm.asked import asked_of
from tools.med_vlm.doubles.scripted import ScriptedModel
from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats.denials import NOTE
from tools.med_vlm.formats.forms import FORMS
from tools.med_vlm.report.repair import reported
from tools.med_vlm.vision_model import Written

ASKED = asked_of(np.random.default_rng(0).random((64, 64), dtype=np.float32))
GOOD = '{"findings": [{"sentence": "A left pleural effusion."}]}'
WRONG: dict[str, str | Written] = {
    "empty": "",
    "no JSON": "I am sorry, I cannot read images.",
    "another schema": '{"report": "A left pleural effusion."}',
    "the wrong unit": '{"unit": "pixels", "findings": [{"sentence": "A nodule.", "boxes": [[10, 10, 300, 400]]}]}',
    "a sentence over and over": '{"findings": [' + '{"sentence": "A nodule."},' * 30 + '{"sentence": "A nodule."}]}',
    "words over and over": '{"findings": [{"sentence": "' + "nodule and " * 50 + '"}]}',
    "a million tokens": GOOD[:-2] + ', {"sentence": "A nodule."}' * 10**5 + "]}",
    "a million letters": "a" * 4_000_000,
    "thoughts without an answer": "<think>The heart seems large, let me look again",
    "cut off before anything was whole": Written('{"findings": [{"sentence": "A left', whole=False),
}
MENDED: dict[str, str | Written] = {
    "fenced": f"```json\n{GOOD}\n```",
    "with words around": f"Here is the report: {GOOD} Ask me more!",
    "cut off": Written(f'{GOOD[:-2]}, {{"sentence": "There is a pneumo', whole=False),
    "cut off after its end": Written(f"{GOOD}\n\nNote that", whole=False),
}


def tried(*scripts: Any, form: Any = "json", samples: int = 1) -> tuple[ScriptedModel, Any, Any]:
    model = ScriptedModel(scripts=[script if isinstance(script, list) else [script] for script in scripts])
    first, drawn = reported(model, ASKED, FORMS[form], samples)
    return model, first, drawn


def test_a_sound_answer_is_asked_for_once_and_has_no_notes() -> None:
    model, first, _ = tried(GOOD)
    assert first.text == "A left pleural effusion."
    assert first.notes == ()
    assert len(model.prompts) == 1
    assert model.prompts[0].json


@pytest.mark.fault(62)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_mended_is_asked_for_once_more_with_the_reason(wrong: str) -> None:
    model, first, _ = tried(WRONG[wrong], GOOD)
    assert first.text == "A left pleural effusion."
    (note,) = first.notes
    assert note.startswith("the model was asked again: ")
    assert note.removeprefix("the model was asked again: ") in model.prompts[1].user
    assert len(model.prompts) == 2


@pytest.mark.fault(62)
@pytest.mark.parametrize("wrong", WRONG)
def test_after_two_bad_answers_it_is_refused_and_never_asked_a_third_time(wrong: str) -> None:
    model = ScriptedModel(scripts=[[WRONG[wrong]], [WRONG[wrong]], [GOOD]])
    with pytest.raises(ModelOutputInvalid) as refused:
        reported(model, ASKED, FORMS["json"], 1)
    assert refused.value.code == "model_output_invalid"
    assert not refused.value.retryable
    assert len(model.prompts) == 2
    assert len(str(refused.value)) < 200


@pytest.mark.fault(62)
@pytest.mark.parametrize("cut", MENDED)
def test_what_is_whole_of_an_answer_is_kept_without_asking_again(cut: str) -> None:
    model, first, _ = tried(MENDED[cut])
    assert first.text == "A left pleural effusion."
    assert len(first.notes) == 1
    assert len(model.prompts) == 1


@pytest.mark.fault(62)
def test_a_second_answer_is_not_mended_since_one_repair_is_all() -> None:
    model = ScriptedModel(scripts=[["no JSON"], [f"```{GOOD}```"]])
    with pytest.raises(ModelOutputInvalid):
        reported(model, ASKED, FORMS["json"], 1)
    assert len(model.prompts) == 2


def test_thoughts_before_the_answer_are_no_part_of_it() -> None:
    _, first, _ = tried(f'<think>There might be {{"findings": []}}</think>\n{GOOD}')
    assert first.text == "A left pleural effusion."
    assert first.notes == ()


@pytest.mark.parametrize(
    ("form", "text", "left"),
    [
        ("prose", "There is a nodule. No effus", "There is a nodule."),
        ("maira-2", "<obj>There is a nodule.<box><x1><y2><x3><y4></box></obj><obj>No eff", "There is a nodule."),
        ("vividmed", "There is a <p>nodule</p>. No <p>eff", "There is a nodule."),
    ],
)
def test_every_form_leaves_out_what_was_cut_off(form: str, text: str, left: str) -> None:
    _, first, _ = tried(Written(text, whole=False), form=form)
    assert first.sentences[0].text == left
    assert "eff" not in first.text
    assert first.notes


def test_boxes_on_denials_are_left_out_of_what_was_read() -> None:
    _, first, _ = tried('{"unit": "fractions", "findings": [{"sentence": "No effusion.", "boxes": [[0, 0, 1, 1]]}]}')
    assert first.sentences[0].drawn == ()
    assert first.notes == (NOTE,)


def test_of_the_drawn_reports_those_that_cannot_be_read_are_left_out_and_counted() -> None:
    model, first, drawn = tried([GOOD, GOOD.replace("left", "right"), "nothing", f"```{GOOD}```"], samples=4)
    assert [one.text for one in drawn] == ["A right pleural effusion.", "A left pleural effusion."]
    assert first.notes == ("1 of 3 drawn reports could not be read",)
    assert len(model.prompts) == 1


def test_a_model_that_writes_nothing_is_refused() -> None:
    with pytest.raises(ModelOutputInvalid, match="nothing was written"):
        reported(ScriptedModel(), ASKED, FORMS["json"], 1)
