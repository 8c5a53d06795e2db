"""VividMed's answers: phrases in the text, a set of boxes and masks for each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats.document import Box, Drawn, Frame
from tools.med_vlm.formats.vividmed import mend, parse
from tools.med_vlm.reading import Mask

FRAME = Frame(100, 100)
TEXT = "There is a <p>left pleural effusion</p> with <p>adjacent atelectasis</p>. No <np>pneumothorax</np>. The <p> heart</p> is normal."
MASK = {"rows": 2, "columns": 3, "runs": [1, 2, 3]}


def answer(*sets: Any, text: str = TEXT) -> str:
    return json.dumps({"text": text, "phrases": list(sets)})


def test_each_phrase_has_none_one_or_many() -> None:
    one, many = {"boxes": [[0.5, 0.6, 0.9, 1.0, 0.75]]}, {"boxes": [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], "masks": [MASK]}
    made = parse(answer(one, many, {}, {"boxes": []}), FRAME)
    assert [sentence.text for sentence in made.sentences] == [
        "There is a left pleural effusion with adjacent atelectasis.",
        "No pneumothorax.",
        "The heart is normal.",
    ]
    effusion, atelectasis = made.sentences[0].drawn
    assert effusion == Drawn("left pleural effusion", (Box(0.5, 0.6, 0.9, 1.0, 0.75),))
    assert atelectasis.boxes == (Box(0, 0, 0.5, 0.5), Box(0.5, 0.5, 1, 1))
    assert atelectasis.masks == (Mask(rows=2, columns=3, runs=(1, 2, 3)),)
    assert [one.words for one in made.sentences[2].drawn] == ["heart"]
    assert made.notes == ()


def test_text_alone_has_phrases_with_nothing_drawn() -> None:
    made = parse("<ngrd>" + TEXT + "</s>", FRAME)
    assert [one.words for one in made.sentences[0].drawn] == ["left pleural effusion", "adjacent atelectasis"]
    assert not any(one.boxes or one.masks for sentence in made.sentences for one in sentence.drawn)
    assert "<" not in made.text


def test_a_phrase_that_begins_with_a_blank_belongs_to_the_sentence_it_begins() -> None:
    made = parse("There is a nodule.<p>  The heart</p> is large.", FRAME)
    assert [[one.words for one in sentence.drawn] for sentence in made.sentences] == [[], ["The heart"]]


def test_what_is_drawn_for_a_phrase_marked_as_denied_is_left_out_and_noted() -> None:
    made = parse(answer({}, {}, {"boxes": [[0, 0, 1, 1]]}, {}), FRAME)
    assert made.sentences[1].drawn == (Drawn("pneumothorax"),)
    assert len(made.notes) == 1


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        answer({}),
        answer({}, {}, {}, {}, {}),
        answer({"boxes": [[0, 0, 2, 2]]}, {}, {}, {}),
        answer({"boxes": [[0.5, 0, 0.4, 1]]}, {}, {}, {}),
        answer({"boxes": [[0, 0, 1]]}, {}, {}, {}),
        answer({"masks": [{"rows": 2, "columns": 3, "runs": [1]}]}, {}, {}, {}),
        answer({"masks": [{"rows": 2, "columns": 3, "runs": [-1, 7]}]}, {}, {}, {}),
        answer({"masks": [{"rows": 10**9, "columns": 10**9, "runs": [10**18]}]}, {}, {}, {}),
        "A <p>phrase without end.",
        "A phrase</p> without beginning.",
        "A <p>phrase</np>.",
        "A <p>phrase <p>in</p> another</p>.",
        "<p>a</p>" * 300,
    ],
    ids=lambda text: text[:40],
)
def test_what_is_not_of_the_form_is_refused(text: str) -> None:
    with pytest.raises(ModelOutputInvalid):
        parse(text, FRAME)


@pytest.mark.parametrize(
    ("text", "left"),
    [("A <p>nodule</p>. An <p>effu", "A nodule."), ("A <p>nodule</p>. No effusion.", "A nodule.\nNo effusion."), ("<p>nod", "")],
)
def test_a_phrase_that_was_cut_off_is_left_out(text: str, left: str) -> None:
    mended, notes = mend(text)
    assert notes
    if left:
        assert parse(mended, FRAME).text.removesuffix("\nAn") == left
    else:
        assert mended == ""


def test_a_cut_off_object_is_not_mended_since_sets_and_phrases_could_not_be_matched() -> None:
    assert mend(answer({}, {})[:-5]) == (answer({}, {})[:-5], ())
