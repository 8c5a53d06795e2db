"""Scopes as a person reads them."""

from __future__ import annotations

import pytest

from sandbox.ehr.auth.scopes import PLAIN
from sandbox.ehr.auth.words import in_words


@pytest.mark.std("A13")
@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("patient/*.rs", "Read and search everything in this patient's record"),
        ("patient/*.read", "Read and search everything in this patient's record"),
        ("user/Observation.cruds", "Create, read, change, delete and search Observation in every record you may see"),
        ("patient/Media.c", "Create Media in this patient's record"),
        (
            "patient/Observation.rs?category=laboratory",
            "Read and search Observation where category is laboratory, in this patient's record",
        ),
        ("messaging/ui.launchActivity", "Talk to the window it is opened in"),
        ("nobody/knows", "nobody/knows"),
    ],
)
def test_a_scope_says_what_it_allows(scope: str, words: str) -> None:
    assert in_words(scope) == words


def test_every_scope_that_is_a_word_has_words_of_its_own() -> None:
    assert [scope for scope in PLAIN if in_words(scope) == scope] == []
