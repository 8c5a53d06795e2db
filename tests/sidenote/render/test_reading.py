"""What became of the image model, in words, for each way it can end."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from agent.review import ReadingMode, Review
from sidenote.render.reading import CHANGE_WORDS, READING_WORDS, Said, comparison, comparison_line, narrative, reading_words, trust_words
from tools.med_vlm.reading import Change


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


def reread(review: Review, **changes: Any) -> Review:
    assert review.reading is not None
    return review.model_copy(update={"reading": review.reading.model_copy(update=changes)})


def test_what_changed_is_told_by_its_kind_with_its_evidence_and_what_was_never_there_is_no_news(compared: Review) -> None:
    told = comparison(compared)
    assert told is not None
    assert (told.since, told.nothing) == ("Since 2 Sep 2026, 08:00 UTC", "")
    assert [(one.change, one.findings, one.evidence) for one in told.changed] == [
        ("new", "left pneumothorax", ("E1",)),
        ("unchanged", "cardiomegaly", ()),
        ("resolved", "pulmonary nodule", ("E9",)),
        ("undecided", "consolidation", ()),
    ]


def test_every_change_has_words_of_its_own() -> None:
    assert set(CHANGE_WORDS) == set(get_args(Change))
    assert len(set(CHANGE_WORDS.values())) == len(CHANGE_WORDS)


def test_a_comparison_without_a_change_says_so_and_without_a_prior_image_there_is_none(compared: Review, withheld: Review) -> None:
    told = comparison(reread(compared, findings=()))
    assert told is not None
    assert (told.changed, told.nothing) == ((), "No finding is present now, and none went away.")
    assert comparison(reread(compared, compared_with=None)) is None
    assert comparison(withheld) is None


def test_a_prior_study_without_a_date_is_the_image_before(compared: Review) -> None:
    assert compared.study is not None
    told = comparison(compared.model_copy(update={"study": compared.study.model_copy(update={"prior": None})}))
    assert told is not None
    assert told.since == "Since the image before"


def test_in_one_line_the_comparison_names_its_evidence(compared: Review) -> None:
    assert comparison_line(compared).startswith(
        "Since 2 Sep 2026, 08:00 UTC. New: left pneumothorax E1. There before and now: cardiomegaly."
    )
    assert comparison_line(reread(compared, findings=())).endswith("UTC. No finding is present now, and none went away.")
    assert comparison_line(reread(compared, compared_with=None)) == ""


def test_a_sentence_of_the_model_comes_with_its_evidence_and_whose_words_it_took(compared: Review) -> None:
    first = Said("Lucent <i>left</i> hemithorax.", ("E1",), "In the words of report phantom-000042, characters 17 to 40")
    assert narrative(compared) == (first, Said("No nodule.", ("E9",), ""))
    assert narrative(compared.model_copy(update={"reading": None})) == ()


def test_a_source_of_another_form_is_named_as_it_is(compared: Review) -> None:
    assert compared.reading is not None
    said = compared.reading.narrative[0].model_copy(update={"source": "a report"})
    assert narrative(reread(compared, narrative=(said,)))[0].source == "In the words of a report"


def test_what_did_not_move_without_the_image_is_named(compared: Review) -> None:
    assert compared.reading is not None
    first, *rest = compared.reading.findings
    still = reread(compared, findings=(first.model_copy(update={"reliance": "unmoved"}), *rest))
    line = "Shown a blank, noise and another image instead, the model answered"
    assert trust_words(compared) == (
        "One frontal view (AP).",
        "Little <u>contrast</u>.",
        f"{line} differently on every finding.",
        "one sentence was left out",
    )
    assert trust_words(still)[2] == f"{line} the same on: left pneumothorax."
    assert trust_words(compared.model_copy(update={"reading": None})) == ()
