"""What became of the image model, in words, for each way it can end."""

from __future__ import annotations

from typing import get_args

import pytest

from agent.review import ReadingMode, Review
from sidenote.render.reading import READING_WORDS, reading_words


@pytest.mark.parametrize("mode", get_args(ReadingMode))
def test_every_mode_has_words_of_its_own(review: Review, mode: ReadingMode) -> None:
    words = reading_words(review.model_copy(update={"reading_mode": mode, "reading": None}))
    assert words == f"{READING_WORDS[mode]}."
    assert len(set(READING_WORDS.values())) == len(READING_WORDS)


def test_a_reading_names_its_model_and_one_that_abstained_says_why(review: Review) -> None:
    assert reading_words(review).startswith("compact 0.1.0 read the image.")
    assert review.reading is not None
    abstained = review.reading.model_copy(update={"abstained": True, "reason": "it is unlike its training images"})
    said = reading_words(review.model_copy(update={"reading": abstained, "reading_mode": "abstained"}))
    assert said == "The image model abstained: it is unlike its training images."
