"""MAIRA-2's token form: sentences, boxes on the square in the middle, and what is refused or mended."""

from __future__ import annotations

import pytest

from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats.document import Box, Frame
from tools.med_vlm.formats.maira2 import mend, parse

SQUARE = Frame(500, 500)
GROUNDED = (
    "<obj>There is a left pleural effusion.<box><x50><y60><x90><y95></box></obj> "
    "<obj>Opacities in both lungs.<box><x10><y20><x30><y40></box><box><x60><y20><x80><y40></box></obj>\n"
    "<obj>No pneumothorax.</obj>"
)


def corners(box: Box) -> tuple[float, ...]:
    return tuple(round(one, 4) for one in (box.x0, box.y0, box.x1, box.y1))


def test_sentences_come_with_no_one_or_several_boxes() -> None:
    made = parse(GROUNDED, SQUARE)
    assert [one.text for one in made.sentences] == ["There is a left pleural effusion.", "Opacities in both lungs.", "No pneumothorax."]
    assert [[corners(box) for each in one.drawn for box in each.boxes] for one in made.sentences] == [
        [(0.505, 0.605, 0.905, 0.955)],
        [(0.105, 0.205, 0.305, 0.405), (0.605, 0.205, 0.805, 0.405)],
        [],
    ]
    assert made.notes == ()


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        # A square of 500 from the middle of 500 x 1000 begins at column 250: bin 0 is at 250 + 0.005 * 500.
        (Frame(500, 1000), (0.2525, 0.005, 0.7475, 0.995)),
        (Frame(1000, 500), (0.005, 0.2525, 0.995, 0.7475)),
        (Frame(7, 10), (1.035 / 10, 0.005, 7.965 / 10, 0.995)),
        (SQUARE, (0.005, 0.005, 0.995, 0.995)),
    ],
)
def test_a_box_is_on_the_square_that_the_processor_cuts_from_the_middle(frame: Frame, expected: tuple[float, ...]) -> None:
    made = parse("<obj>A finding.<box><x0><y0><x99><y99></box></obj>", frame)
    assert corners(made.sentences[0].drawn[0].boxes[0]) == tuple(round(one, 4) for one in expected)


def test_a_report_without_tags_is_a_plain_one() -> None:
    assert [one.text for one in parse("No effusion. Heart size is normal.", SQUARE).sentences] == ["No effusion.", "Heart size is normal."]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<obj>A finding.", "not closed"),
        ("<obj>A finding.<box><x1><y1><x2><y2></obj>", "four places"),
        ("<obj>A finding.<box><x1><y1><x2></box></obj>", "four places"),
        ("<obj>A finding.<box><x1><y1><x2><y100></box></obj>", "four places"),
        ("<obj>A finding.<box><x١><y1><x2><y2></box></obj>", "four places"),
        ("<obj>A finding.<box><x9><y1><x2><y2></box></obj>", "in order"),
        ("<obj>A finding.<box><x9><y1><x9><y2></box></obj>", "in order"),
        ("<obj>A finding.<box><x1><y1><x2><y2></box>and more</obj>", "four places"),
        ("<obj>A<obj>B</obj></obj>", "tag stands"),
        ("<obj>A finding <x10><y10></obj>", "tag stands"),
        ("<obj>A.</obj> more words <obj>B.</obj>", "outside"),
        ("<obj>A.</obj> and an end", "outside"),
        ("<box><x1><y1><x2><y2></box>", "outside|no sentence"),
        ("<obj></obj>", "empty"),
        ("<obj>A.</obj></obj>", "outside"),
        ("<obj>A." + "<box><x1><y1><x2><y2></box>" * 33 + "</obj>", "more than 32"),
    ],
)
def test_what_is_not_of_the_form_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ModelOutputInvalid, match=reason):
        parse(text, SQUARE)


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("text", "left", "boxes"),
    [
        ("<obj>A.</obj> <obj>B is cut", ["A."], 0),
        ("<obj>A.<box><x1><y1><x2><y2></box></obj> <obj>B.<box><x1><y", ["A."], 1),
        ("<obj>A.<box><x1><y1><x2></box></obj>", ["A."], 0),
        ("<obj>A.<box><x5><y1><x2><y9></box><box><x1><y1><x2><y9></box></obj>", ["A."], 1),
        ("<obj>A.<box>none</box></obj>", ["A."], 0),
    ],
)
def test_what_was_cut_off_or_cannot_be_read_is_left_out_and_noted(text: str, left: list[str], boxes: int) -> None:
    mended, notes = mend(text)
    made = parse(mended, SQUARE)
    assert [one.text for one in made.sentences] == left
    assert sum(len(each.boxes) for one in made.sentences for each in one.drawn) == boxes
    assert notes


def test_mending_a_sound_report_changes_nothing() -> None:
    assert mend(GROUNDED) == (GROUNDED, ())
