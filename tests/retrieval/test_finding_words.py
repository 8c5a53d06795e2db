"""A past case's findings in words, for every key that an index may hold."""

from __future__ import annotations

import pytest

from fhir.codes import FINDINGS
from retrieval.cards import CaseFinding
from retrieval.finding_words import finding_name, finding_phrase, told


def test_the_ten_findings_have_the_names_of_the_vocabulary() -> None:
    assert {one.key: finding_name(one.key) for one in FINDINGS} == {one.key: one.display for one in FINDINGS}


@pytest.mark.parametrize(
    ("side", "place", "words"),
    [
        (None, None, "hiatal hernia"),
        ("left", None, "left hiatal hernia"),
        (None, "base", "hiatal hernia (base)"),
        ("bilateral", "base", "bilateral hiatal hernia (base)"),
        (None, "", "hiatal hernia"),
    ],
)
def test_a_finding_is_told_with_its_side_and_place(side: str | None, place: str | None, words: str) -> None:
    assert finding_phrase("hiatal_hernia", side, place) == words  # type: ignore[arg-type] # a literal's side
    assert told(CaseFinding("hiatal_hernia", side, place)) == words  # type: ignore[arg-type] # likewise
