"""A name is found where a report announces one, and where two capitalised words are no words of reports."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.deidentify.person_names import names


def _found(text: str) -> set[str]:
    return {text[start:end] for start, end in names(text)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Dr. Okafor", {"Okafor"}),
        ("Prof. Dr. med. Müller-Lüdenscheidt", {"Müller-Lüdenscheidt"}),
        ("Mr. de la Cruz was seen", {"de la Cruz"}),
        ("Patient: ROE, JANE A", {"ROE, JANE A"}),
        ("Reported by Jane Roe on the workstation", {"Jane Roe"}),
        ("Findings were discussed in person with Jane Roe", {"Jane Roe"}),
        ("her daughter, Mireille, was told", {"Mireille"}),
        ("Roe, MD", {"Roe"}),
        ("dr. miller would like", {"miller"}),
        ("surgeon: owen youn, md", {"owen youn"}),
        ("Sophie a simmons ........ left", {"Sophie a simmons"}),
        ("Chidi Oyelaran underwent lobectomy", {"Chidi Oyelaran"}),
        ("June Bailey presents with cough", {"June Bailey"}),
        ("Witness: Whitcombe, Imogen", {"Whitcombe, Imogen"}),
    ],
)
def test_a_name_that_is_announced_is_found(text: str, found: set[str]) -> None:
    assert found <= _found(text)


def test_who_is_named_once_is_found_wherever_the_name_stands() -> None:
    text = "Patient: Jane Roe. Later Roe left."
    assert [text[start:end] for start, end in sorted(set(names(text)))].count("Roe") == 2


@pytest.mark.parametrize(
    "text",
    [
        "Dr. and Mrs.",
        "Reported by the radiologist",
        "Patient: supine",
        "MR of the knee, DR of the chest",
        "MRCP shows a stone",
        "Chest, PA and lateral",
        "Left Lower Lobe Consolidation With Effusion And Small Pneumothorax",
        "XXXX was notified by Dr. XXXX",
        "Sent to Radiology",
        "Soft tissue. Resistance was felt",
        "PET-avid nodule, K-wire Fixation",
        "son and daughter",
    ],
)
def test_words_of_reports_are_no_names(text: str) -> None:
    assert _found(text) == set()


@settings(max_examples=150)
@given(st.text(max_size=300))
def test_any_text_has_names_within_it(text: str) -> None:
    assert all(0 <= start < end <= len(text) for start, end in names(text))
