"""Whose review it is, read from whatever a Patient holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agent.identity import review_patient
from fhir.chart import chart_of

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("elements", "name", "identifiers"),
    [
        ({}, None, ()),
        ({"name": [{"family": "B", "given": ["A", "C"]}]}, "A C B", ()),
        ({"name": [{"use": "old", "text": "Old"}, {"use": "official", "text": "New"}]}, "New", ()),
        ({"name": "no list", "identifier": {"value": "x"}}, None, ()),
        ({"identifier": [{"value": "1"}, {"use": "old", "value": "2"}, {"system": "s"}, {"value": 3}]}, None, ("1",)),
    ],
)
def test_names_and_identifiers(elements: dict[str, Any], name: str | None, identifiers: tuple[str, ...]) -> None:
    patient = review_patient(chart_of({"resourceType": "Patient", "id": "p", **elements}), NOW)
    assert (patient.name, patient.identifiers) == (name, identifiers)


def typed(value: str, code: str) -> dict[str, Any]:
    return {"value": value, "type": {"coding": [{"code": code}]}}


def test_the_record_number_comes_first_and_numbers_of_civil_life_not_at_all() -> None:
    given = [{"value": "uuid"}, typed("999-12-3456", "SS"), typed("S123", "DL"), typed("MRN-7", "MR"), {"value": "uuid"}]
    patient = review_patient(chart_of({"resourceType": "Patient", "id": "p", "identifier": given}), NOW)
    assert patient.identifiers == ("MRN-7", "uuid")


def test_age_is_counted_at_the_reviews_moment() -> None:
    patient = review_patient(chart_of({"resourceType": "Patient", "id": "p", "birthDate": "2000-11-21", "gender": "female"}), NOW)
    assert (patient.age, patient.sex, patient.birth_date) == (25, "female", "2000-11-21")
