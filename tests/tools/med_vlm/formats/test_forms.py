"""Of every form: it is asked for, whatever text comes is read or refused with one error, in time that grows with its length alone."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats.document import MOST_CHARACTERS, Frame, Report
from tools.med_vlm.formats.forms import FORMS, Form
from tools.med_vlm.spec import Format

each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)

PIECES = st.sampled_from(
    ["<obj>", "</obj>", "<box>", "</box>", "<x10>", "<y20>", "<x90>", "<y95>", "<x5", "<p>", "</p>", "<np>", "</np>", "{", "}", "[", "]",
     '"', ":", ",", "\\", '{"findings": [{"sentence": "', '"boxes": [[1, 2, 3, 4]]', '"unit": "fractions"', '{"text": "', "0.5", "1e400",
     '"phrases": [', "No effusion. ", "a nodule", "left ", "\n", "```json\n", "\u202e", "\x00", "FINDINGS:", "Dr. ", "-"]
)  # fmt: skip
ANY_TEXT = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join))
FRAMES = st.builds(Frame, st.integers(1, 4000), st.integers(1, 4000))


def test_the_table_holds_every_form_that_settings_can_name() -> None:
    assert set(FORMS) == set(get_args(Format))
    assert all(form.name == name for name, form in FORMS.items())


@each_form
@given(text=ANY_TEXT, frame=FRAMES)
def test_any_text_is_a_report_of_boxes_within_the_image_or_is_refused(form: Form, text: str, frame: Frame) -> None:
    for given_text in (text, form.mend(text)[0]):
        try:
            made = form.parse(given_text, frame)
        except ModelOutputInvalid:
            continue
        assert made.sentences
        assert all(one.text.strip() for one in made.sentences)
        boxes = [box for one in made.sentences for drawn in one.drawn for box in drawn.boxes]
        assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in boxes)


GROUNDED = st.lists(st.tuples(*[st.integers(0, 99)] * 4), max_size=4)


@given(GROUNDED, FRAMES)
def test_every_ordered_box_of_maira_lies_in_the_middle_square(places: list[tuple[int, int, int, int]], frame: Frame) -> None:
    drawn = "".join(f"<box><x{x0}><y{y0}><x{x1}><y{y1}></box>" for x0, y0, x1, y1 in places)
    text = f"<obj>A nodule.{drawn}</obj>"
    ordered = all(x0 < x1 and y0 < y1 for x0, y0, x1, y1 in places)
    if not ordered:
        with pytest.raises(ModelOutputInvalid):
            FORMS["maira-2"].parse(text, frame)
        text = FORMS["maira-2"].mend(text)[0]
    made = FORMS["maira-2"].parse(text, frame)
    side = min(frame.rows, frame.columns)
    for box in (box for one in made.sentences for each in one.drawn for box in each.boxes):
        assert (frame.columns - side) // 2 <= box.x0 * frame.columns + 1e-6 < box.x1 * frame.columns <= (frame.columns + side + 1) / 2
        assert (frame.rows - side) // 2 <= box.y0 * frame.rows + 1e-6 < box.y1 * frame.rows <= (frame.rows + side + 1) / 2


FLOODS = {
    "one letter": "a" * 10**6,
    "words": "effusion " * 10**5,
    "sentences": "No effusion. " * 10**5,
    "different sentences": " ".join(f"Nodule number {number} is seen." for number in range(30_000)),
    "opened": "<obj>" * 10**5,
    "empty": "<obj></obj>" * 10**5,
    "boxes": "<obj>A." + "<box>" * 10**5 + "</obj>",
    "places": "<obj>A.<box>" + "<x1>" * 10**5,
    "cut places": "<obj>A." + "<box><x1><y1>" * 10**5,
    "phrases": "<p>a</p>" * 10**5,
    "brackets": "[" * 10**6,
    "braces": '{"findings": ' * 10**5,
    "quotes": '{"' * 10**5,
    "backslashes": '{"findings": "' + "\\" * 10**6,
    "findings": '{"findings": [' + '{"sentence": "A."},' * 10**5,
    "lines": "\n" * 10**6,
    "spaces": " " * 10**6,
    "stops": "." * 10**6,
    "runs": json.dumps({"text": "A <p>a</p>.", "phrases": [{"masks": [{"rows": 1, "columns": 10**5, "runs": [1] * 10**5}]}]}),
}


@pytest.mark.fault(62)
@each_form
@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_and_as_much_of_it_as_is_looked_into_are_read_or_refused_in_a_moment(form: Form, flood: str) -> None:
    before = time.process_time()
    for text in (FLOODS[flood], FLOODS[flood][:MOST_CHARACTERS]):
        for given_text in (text, form.mend(text)[0]):
            with suppress(ModelOutputInvalid):
                assert isinstance(form.parse(given_text, Frame(500, 400)), Report)
    assert time.process_time() - before < 5


@pytest.mark.fault(62)
@each_form
def test_what_is_longer_than_anybody_asked_for_is_refused(form: Form) -> None:
    with pytest.raises(ModelOutputInvalid, match="longer than"):
        form.parse("A nodule. " * 10**5, Frame(500, 400))
