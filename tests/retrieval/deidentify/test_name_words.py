"""The lists that tell names from words are written as they are compared, and do not contradict each other."""

from __future__ import annotations

from retrieval.deidentify.name_words import AMBIGUOUS, CREDENTIALS, GIVEN_NAMES, KIN, LABELS, NOT_NAMES, PARTICLES, ROLES, SECTIONS


def test_what_is_compared_in_small_letters_is_written_so() -> None:
    for words in (NOT_NAMES, AMBIGUOUS, SECTIONS, PARTICLES, ROLES, LABELS, KIN):
        assert [word for word in words if word != word.lower()] == []
    assert [name for name in GIVEN_NAMES if not name[0].isupper()] == []


def test_no_given_name_is_a_word_of_reports() -> None:
    assert NOT_NAMES.isdisjoint(name.lower() for name in GIVEN_NAMES)
    assert not set(CREDENTIALS) & set(GIVEN_NAMES)


def test_nothing_stands_twice() -> None:
    for words in (ROLES, LABELS, KIN, CREDENTIALS, GIVEN_NAMES, PARTICLES):
        assert [word for word in set(words) if words.count(word) > 1] == []
    assert not set(ROLES) & set(LABELS)
