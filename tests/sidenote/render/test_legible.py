"""What a reader is shown holds nothing that acts."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.review import Review
from sidenote.render.legible import legible, spelled
from sidenote.render.page import page


@pytest.mark.fault(72)
@given(st.text())
def test_nothing_that_acts_on_a_terminal_or_a_page_is_left(text: str) -> None:
    left = {unicodedata.category(character) for character in spelled(text) if character not in "\t\n\r\f\u00ad"}
    assert not left & {"Cc", "Cf", "Co"}


@pytest.mark.parametrize("text", ["Zoë Müller", "eGFR 27 mL/min/1.73 m²", "女性", "two\nlines"])
def test_ordinary_text_is_as_it_was(text: str) -> None:
    assert spelled(text) == text


def test_a_review_without_such_characters_is_unchanged(review: Review) -> None:
    assert legible(review) == review


def test_a_page_spells_a_name_that_would_turn_the_line_around(review: Review) -> None:
    named = review.model_copy(update={"patient": review.patient.model_copy(update={"name": "Ann \u202eX"})})
    assert "\u202e" not in page(named)
    assert "Ann \\u202eX" in page(named)
