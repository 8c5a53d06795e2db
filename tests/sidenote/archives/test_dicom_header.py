"""A header's values in the words of a case; what is not said stays unsaid."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.nodes.retrieve import person_keys
from fhir.chart import chart_of
from retrieval.keys import Keyring
from sidenote.archives.dicom_header import age, day, names, sex, term
from sidenote.archives.headers import Header


def _header(*others: tuple[str, str], **tags: str) -> Header:
    return Header(Path("file"), tags, others, image=True, report="")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20230508", date(2023, 5, 8)),
        ("2023.05.08", date(2023, 5, 8)),
        ("20230231", None),
        ("2023", None),
        ("", None),
        ("2023-05-08", None),
        ("00000000", None),
        ("２０２３0508", None),
        ("20230508-20230509", None),
    ],
)
def test_a_day_is_a_da_value_or_none(text: str, found: date | None) -> None:
    assert day(text) == found


@pytest.mark.parametrize(
    ("tags", "years"),
    [
        ({"PatientAge": "063Y"}, 63),
        ({"PatientAge": "018M"}, 1),
        ({"PatientAge": "011M"}, 0),
        ({"PatientAge": "104W"}, 2),
        ({"PatientAge": "900D"}, 2),
        ({"PatientAge": "000Y"}, 0),
        ({"PatientAge": "999Y"}, None),
        ({"PatientAge": "63"}, None),
        ({}, None),
        ({"PatientBirthDate": "19600508"}, 63),
        ({"PatientBirthDate": "19600509"}, 62),
        ({"PatientBirthDate": "20240101"}, None),
        ({"PatientBirthDate": "1960"}, None),
        ({"PatientAge": "063Y", "PatientBirthDate": "19000101"}, 63),
        ({"PatientBirthDate": "18500101"}, None),
    ],
)
def test_the_age_at_the_study_is_stated_or_follows_from_the_birth_date(tags: dict[str, str], years: int | None) -> None:
    assert age(_header(**tags), date(2023, 5, 8)) == years
    if "PatientAge" not in tags:
        assert age(_header(**tags), None) is None


def test_sex_and_terms_are_what_the_standard_has_or_unknown() -> None:
    assert [sex(text) for text in ("M", "f", "O", "", "female")] == ["male", "female", "other", "unknown", "unknown"]
    assert [term(text) for text in ("CR", "chest", "T SPINE", "LOWER_LEG", "", "X", "RÖ", "A1")] == [
        "CR",
        "CHEST",
        "TSPINE",
        "LOWERLEG",
        "UNKNOWN",
        "UNKNOWN",
        "UNKNOWN",
        "UNKNOWN",
    ]


@given(st.text(max_size=40))
def test_any_text_is_a_term(text: str) -> None:
    assert term(text).isalpha()


def test_a_number_is_given_under_each_name_a_record_may_have_for_it() -> None:
    header = _header(("OLD", "1.2.3"), ("", "x"), ("B", ""), PatientID="P-1", IssuerOfPatientID="1.2.840")
    assert list(names(header, "http://site/mrn")) == [
        "http://site/mrn|P-1",
        "1.2.840|P-1",
        "urn:oid:1.2.840|P-1",
        "|P-1",
        "1.2.3|OLD",
        "urn:oid:1.2.3|OLD",
        "|OLD",
        "|B",
    ]
    assert list(names(_header(PatientID="P-1"), None)) == ["|P-1"]


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    ("identifier", "issuer", "system"),
    [
        ({"system": "urn:oid:1.2.3", "value": "P-1"}, "1.2.3", None),
        ({"system": "SITE", "value": "P-1"}, "SITE", None),
        ({"system": "http://site/mrn", "value": "P-1"}, "SITE", "http://site/mrn"),
        ({"value": "P-1"}, "", None),
        ({"value": "P-1"}, "SITE", None),
    ],
)
def test_the_review_of_the_patient_asks_with_one_of_these_names(identifier: dict[str, str], issuer: str, system: str | None) -> None:
    ring = Keyring(b"a secret of the tests, long enough", b"salt")
    asked = person_keys(chart_of({"resourceType": "Patient", "id": "p", "identifier": [identifier]}), ring)
    assert asked & {ring.person(name) for name in names(_header(PatientID="P-1", IssuerOfPatientID=issuer), system)}
