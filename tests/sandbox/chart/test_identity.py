"""Who a chart is about, in words, and the badge of allergies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.chart.identity import allergy_badge, clinician_name, identity_of, name_of
from sandbox.chart.lines import active_allergies
from sandbox.patients.story import CLOCK


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ([{"family": "Ames", "given": ["Ada", "B."]}], "Ames, Ada B."),
        ([{"use": "nickname", "text": "Addie"}, {"use": "official", "family": "Ames"}], "Ames"),
        ([{"use": "usual", "given": ["Ada"]}], "Ada"),
        ([{"text": "Ada of Ames"}], "Ada of Ames"),
        ([{"given": "Ada", "family": 7}], "Name not on record"),
        ([], "Name not on record"),
        (None, "Name not on record"),
    ],
)
def test_a_name_is_the_official_one_as_far_as_there_is_any(name: Any, written: str) -> None:
    assert name_of({"name": name}) == written


def test_a_clinicians_name_is_said_as_people_say_it() -> None:
    assert clinician_name({"name": [{"prefix": ["Dr"], "given": ["Ada"], "family": "Ames"}]}) == "Dr Ada Ames"
    assert clinician_name({}) == "Name not on record"


@pytest.mark.parametrize(
    ("identifiers", "number"),
    [
        ([{"value": "1"}, {"use": "usual", "value": "2"}], "2"),
        ([{"use": "usual", "value": "1"}, {"type": {"coding": [{"system": "urn:t", "code": "MR"}]}, "value": "2"}], "2"),
        ([{"value": "1"}, {"value": "2"}], "1"),
        ([{"system": "urn:x"}], ""),
        ("none", ""),
    ],
)
def test_the_medical_record_number_is_found(identifiers: Any, number: str, chart_with: Callable[..., Any]) -> None:
    assert identity_of(chart_with(identifier=identifiers), CLOCK).mrn == number


def test_what_is_not_on_record_is_empty_and_never_guessed(chart_with: Callable[..., Any]) -> None:
    found = identity_of(chart_with(birthDate="1950", deceasedBoolean=True), CLOCK)
    assert (found.birth_date, found.age, found.sex, found.deceased) == ("1950", "", "", True)


@pytest.mark.parametrize(
    ("allergy", "severe"),
    [({"criticality": "high"}, True), ({"reaction": [{"severity": "severe"}]}, True), ({"reaction": [{"severity": "mild"}]}, False)],
)
def test_the_badge_says_what_is_severe(allergy: dict[str, Any], severe: bool, chart_with: Callable[..., Any]) -> None:
    facts = active_allergies(chart_with({"resourceType": "AllergyIntolerance", **allergy}))
    badge = allergy_badge(facts, ("Latex",))
    assert (badge.text, badge.severe, badge.known) == ("Latex", severe, True)


def test_the_badge_of_nothing_does_not_say_that_there_is_no_allergy() -> None:
    assert allergy_badge((), ()).text == "None on record"
