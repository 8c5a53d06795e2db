"""Sentences, boxes and masks are made by one place each, which refuses what is none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.med_vlm.errors import ModelOutputInvalid
from tools.med_vlm.formats.document import LONGEST_SENTENCE, MOST_REPEATS, MOST_SENTENCES, Told, box, clean, mask, report, told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  No\n effusion.\t", "No effusion."),
        ("No\u200b effu\u00adsion\u202e.", "No effusion."),
        ("\x00\x1b[31mA nodule", "[31mA nodule"),
        ("Herzgröße 12 cm", "Herzgröße 12 cm"),
        ("", ""),
    ],
)
def test_a_sentence_is_one_line_of_what_can_be_seen(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" ... \u200b", "empty"),
        ("a" * (LONGEST_SENTENCE + 1), "longer than 600"),
        ("a" * 10**6, "longer than 600"),
        ("No pneumothorax" + " " * 4 * LONGEST_SENTENCE + "on the right only.", "longer than 600"),
        ("No pneumothorax" + "\u200b" * 4 * LONGEST_SENTENCE + " on the right only.", "longer than 600"),
        ("small effusion " * 20, "over and over"),
    ],
)
def test_what_is_no_sentence_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ModelOutputInvalid, match=reason) as refused:
        told(text)
    assert refused.value.code == "model_output_invalid"


def test_a_long_sentence_that_goes_on_saying_something_is_kept() -> None:
    text = " and ".join(f"a nodule of {size} mm in segment {size * 7}" for size in range(2, 12))
    assert told(text).text == text


def test_a_sentence_that_stands_there_again_is_left_out_and_noted() -> None:
    made = report([Told("A."), Told("B."), Told("A.")])
    assert [one.text for one in made.sentences] == ["A.", "B."]
    assert made.notes == ("1 repeated sentence left out",)
    assert made.text == "A.\nB."


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("sentences", "reason"),
    [
        ([], "no sentence"),
        ([Told("A.")] * (MOST_REPEATS + 1), "over and over"),
        ([Told(f"{n}.") for n in range(MOST_SENTENCES + 1)], "more than 64"),
    ],
    ids=["none", "again and again", "too many"],
)
def test_a_report_without_end_or_without_a_sentence_is_refused(sentences: list[Told], reason: str) -> None:
    with pytest.raises(ModelOutputInvalid, match=reason):
        report(sentences)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=5, max_size=5))
def test_a_box_lies_within_the_image_in_order_or_is_refused(numbers: list[float]) -> None:
    try:
        made = box(*numbers)
    except ModelOutputInvalid:
        assert not all(0 <= one <= 1 for one in numbers) or numbers[2] <= numbers[0] or numbers[3] <= numbers[1]
    else:
        assert 0 <= made.x0 < made.x1 <= 1
        assert 0 <= made.y0 < made.y1 <= 1
        assert made.score is not None
        assert 0 <= made.score <= 1


@pytest.mark.parametrize("corners", [(0.5, 0, 0.5, 1), (0.6, 0, 0.5, 1), (0, 0, 1.01, 1), (math.nan, 0, 1, 1), (-0.1, 0, 1, 1)], ids=str)
def test_a_box_that_is_none_is_refused(corners: tuple[float, float, float, float]) -> None:
    with pytest.raises(ModelOutputInvalid):
        box(*corners)


@pytest.mark.parametrize(
    ("rows", "columns", "runs"),
    [(0, 4, []), (2, 2, [1, 2]), (2, 2, [5]), (2, 2, [-1, 5]), (10**6, 10**6, [10**12]), (2, -2, [-4])],
    ids=str,
)
def test_a_mask_that_does_not_fill_its_image_is_refused(rows: int, columns: int, runs: list[int]) -> None:
    with pytest.raises(ModelOutputInvalid):
        mask(rows, columns, runs)
    assert mask(2, 3, [1, 2, 3]).runs == (1, 2, 3)
