"""Sentences and the sections they stand in."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.grounding.lexicon import mentions
from policies.grounding.prose import LONGEST, UNASSERTED_SECTIONS, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two.", ["One.", "Two."]),
        ("A 2.5 cm nodule, approx. 3 mm larger.", ["A 2.5 cm nodule, approx. 3 mm larger."]),
        ("Dr. Who agrees. Seen.", ["Dr. Who agrees.", "Seen."]),
        ("Two lines run together.Then another.", ["Two lines run together.", "Then another."]),
        ("1. Left effusion.\n2. No pneumothorax", ["Left effusion.", "No pneumothorax"]),
        ("- one\n* Two\n• Three", ["one", "Two", "Three"]),
        ("first paragraph\n\nsecond paragraph", ["first paragraph", "second paragraph"]),
        ("a line that\nwraps on", ["a line that\nwraps on"]),
        ("Really? Yes! (Sure.)", ["Really?", "Yes!", "(Sure.)"]),
        (" \n ... \n", []),
    ],
)
def test_ends_a_sentence_where_radiology_prose_does(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in sentences(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No heading.", [("No heading.", "")]),
        ("FINDINGS: Clear.", [("Clear.", "findings")]),
        ("Clinical indication: cough. Impression: Clear.", [("cough.", "indication"), ("Clear.", "impression")]),
        ("CONCLUSION\nClear.", [("Clear.", "impression")]),
        ("Comparison: None. Chest: Clear.", [("None.", "comparison"), ("Clear.", "findings")]),
        ("The impression: is not a heading here.", [("The impression: is not a heading here.", "")]),
        ("HISTORY: Cough.\nTECHNIQUE: PA.\nRECOMMENDATION: CT.", [("Cough.", "history"), ("PA.", "technique"), ("CT.", "recommendation")]),
    ],
)
def test_knows_the_section_a_sentence_stands_in(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(sentence.text, sentence.section) for sentence in sentences(text)] == expected


def test_sections_that_ask_or_tell_of_the_past_assert_nothing() -> None:
    asked = "Reason for exam: X. Clinical question: X. Past medical history: X. Findings: X. Impression: X. Recommendations: X."
    kept = [sentence.section for sentence in sentences(asked) if sentence.section not in UNASSERTED_SECTIONS]
    assert kept == ["findings", "impression"]


@given(st.text(alphabet=st.sampled_from("aB1 .,:;?!()\n-*•Findings"), max_size=120))
def test_no_letter_is_lost_but_headings_and_markers_and_spans_are_in_order(text: str) -> None:
    found = sentences(text)
    assert all(text[one.start : one.end] == one.text == one.text.strip() for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    only_a_heading = text.strip().lower() in {"finding", "findings"}
    if not only_a_heading and not any(one.section for one in found) and ":" not in text and "\n" not in text:
        assert sum(letter.isalpha() for one in found for letter in one.text) == sum(letter.isalpha() for letter in text)


@pytest.mark.parametrize("word", ["no effusion, ", "x" * 700 + " ", "effusion ", "; ."])
def test_a_sentence_that_runs_on_is_cut_where_it_pauses_and_nothing_is_lost(word: str) -> None:
    found = sentences(word * 100)
    assert all(0 < len(one.text) <= LONGEST and one.text == one.text.strip() for one in found)
    assert "".join(letter for one in found for letter in one.text if letter.isalpha()) == "".join(filter(str.isalpha, word * 100))


def test_a_text_without_an_end_is_read_in_a_moment() -> None:
    """Reading one sentence of these 30,000 characters would take hours."""
    said = mentions("no effusion, left base and ".join(str(number) for number in range(1_000)))
    assert {one.finding for one in said} == {"pleural_effusion"}


@pytest.mark.parametrize(("word", "end"), [("Dr. ", ""), ("1.", " ."), ("a", " ."), (".", "x"), ('."', ""), ("!?", " x")])
def test_no_text_of_100_kB_takes_longer_than_a_moment_to_split(word: str, end: str) -> None:
    """Looked for from the start of its sentence, the word before each stop took 15 seconds for 24 kB of "Dr. "."""
    begun = time.process_time()
    sentences(word * (100_000 // len(word)) + end)
    assert time.process_time() - begun < 2
