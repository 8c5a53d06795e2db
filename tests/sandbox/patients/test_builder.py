"""The makers of resources: small, exact, and true to the hospital's clock."""

from __future__ import annotations

import base64
import hashlib

import pytest

from sandbox.patients.builder import Chart, bundle, concept, days_ago, loinc, uid
from sandbox.patients.story import Person

PERSON = Person("p1", "SPH-1", "Family", "Given", "2000-11-21", "female")


@pytest.mark.parametrize(("days", "instant"), [(0, "2026-11-20T09:00:00Z"), (1, "2026-11-19T09:00:00Z"), (0.5, "2026-11-19T21:00:00Z")])
def test_days_are_counted_from_the_hospitals_present(days: float, instant: str) -> None:
    assert days_ago(days) == instant


def test_an_age_is_in_completed_years() -> None:
    assert PERSON.age == 25


def test_text_without_a_code_stays_text() -> None:
    assert concept("CT of something") == {"text": "CT of something"}
    assert concept(loinc("1-8", "One"))["coding"][0]["code"] == "1-8"


def test_a_uid_is_valid_and_repeatable() -> None:
    assert uid("a", "b") == uid("a", "b") != uid("a", "c")
    assert uid("a").startswith("2.25.")
    assert len(uid("a")) <= 64


def test_ids_count_up_per_type() -> None:
    chart = Chart(PERSON)
    assert chart.problem("x", since="2020") == "Condition/p1-condition-1"
    assert chart.problem("y", since="2020") == "Condition/p1-condition-2"


def test_a_notes_hash_is_the_sha1_of_its_text() -> None:
    chart = Chart(PERSON)
    chart.note("Letter", "text", days=1)
    attachment = chart.resources[-1]["content"][0]["attachment"]
    data = base64.b64decode(attachment["data"])
    assert base64.b64decode(attachment["hash"]) == hashlib.sha1(data).digest()
    assert attachment["size"] == len(data)


def test_a_bundle_holds_every_resource_under_an_absolute_url() -> None:
    entries = bundle(Chart(PERSON).resources)["entry"]
    assert [entry["fullUrl"] for entry in entries] == ["https://hospital.example/fhir/Patient/p1"]
