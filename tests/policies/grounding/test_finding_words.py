"""The word tables: every finding has words, every pattern compiles, and a space means what the table says."""

from __future__ import annotations

import re

import pytest

from fhir.codes import FINDING
from policies.grounding.finding_words import FINDING_WORDS, NORMAL_STATEMENTS, NOT_THIS, pattern


def test_every_finding_of_the_vocabulary_has_words_and_no_other_has() -> None:
    assert set(FINDING_WORDS) == set(FINDING)
    assert all(FINDING_WORDS.values())
    assert set(NOT_THIS) <= set(FINDING)


@pytest.mark.parametrize(
    "text", [*(text for words in FINDING_WORDS.values() for text in words), *NOT_THIS.values(), *(text for text, _ in NORMAL_STATEMENTS)]
)
def test_every_pattern_compiles_and_matches_no_empty_text(text: str) -> None:
    compiled = re.compile(pattern(text), re.IGNORECASE)
    assert compiled.fullmatch("") is None


def test_a_normal_statement_rules_out_findings_of_the_vocabulary() -> None:
    assert {key for _, keys in NORMAL_STATEMENTS for key in keys} <= set(FINDING)


@pytest.mark.parametrize(
    ("fragment", "text", "matches"),
    [
        ("pleural fluid", "pleural fluid", True),
        ("pleural fluid", "pleural-fluid", True),
        ("pleural fluid", "pleural  fluid", True),
        ("pleural fluid", "pleuralfluid", False),
        ("air ?space", "airspace", True),
        ("air ?space", "air-space", True),
        ("air ?space", "air  space", False),
    ],
)
def test_a_space_stands_for_white_space_or_a_hyphen(fragment: str, text: str, *, matches: bool) -> None:
    assert bool(re.fullmatch(pattern(fragment), text)) == matches
