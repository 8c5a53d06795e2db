"""Content words and clinical names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.grounding.terms import content_words, folded, is_clinical_name, same_word, vocabulary


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pulmonary oedema is on the problem list", ["pulmonary", "edema"]),
        ("The eGFR of E12 and INR 2", ["egfr", "inr"]),
        ("Consider a review of Metformin", ["review", "metformin"]),
        ("was recorded on Monday", ["monday"]),
        ("non-small cell", ["non-small", "cell"]),
        ("an mg of it", []),
    ],
)
def test_keeps_the_words_that_carry_content(text: str, words: list[str]) -> None:
    found = content_words(text)
    assert [word for word, _, _ in found] == words
    assert all(folded(text[start:end].strip("'-")) == word for word, start, end in found)


@pytest.mark.parametrize(
    ("british", "american"),
    [("Oedema", "edema"), ("haemoglobin", "Hemoglobin"), ("tumour", "tumor"), ("localised", "localized"), ("ischaemia", "ischemia")],
)
def test_british_and_american_spellings_are_one(british: str, american: str) -> None:
    assert folded(british) == folded(american)


@pytest.mark.parametrize("word", ["apixaban", "lisinopril", "cefuroxime", "prednisone", "aspirin", "potassium", "hemoglobin", "asthma"])
def test_knows_a_clinical_name_by_its_stem_or_by_the_list(word: str) -> None:
    assert is_clinical_name(word)


@pytest.mark.parametrize("word", ["medicine", "routine", "reason", "table", "baseline", "one", "review", "urine"])
def test_takes_no_common_word_for_a_clinical_name(word: str) -> None:
    assert not is_clinical_name(word)


@pytest.mark.fault(63)
@pytest.mark.parametrize(
    ("word", "other", "same"),
    [
        ("platelets", "platelet", True),
        ("reviewed", "review", True),
        ("hypertension", "hypertensive", True),
        ("kidney", "renal", True),
        ("egfr", "glomerular", True),
        ("ct", "tomography", True),
        ("hypertension", "hypotension", False),
        ("hypothyroidism", "hyperthyroidism", False),
        ("lisinopril", "lisinoprol", False),
        ("prednisone", "prednisolone", False),
        ("chest", "cheap", False),
    ],
)
def test_a_word_is_its_inflections_and_synonyms_and_no_neighbour(word: str, other: str, same: bool) -> None:
    assert same_word(word, other) is same


def test_a_vocabulary_holds_hyphenated_words_and_their_parts() -> None:
    assert vocabulary(("beta-blocker therapy",)) == {"beta-blocker", "beta", "blocker", "therapy"}


@given(st.text(max_size=60))
def test_folding_twice_is_folding_once_for_words_and_every_word_is_itself(text: str) -> None:
    for word, start, end in content_words(text):
        assert 0 <= start < end <= len(text)
        assert same_word(word, word)
