"""What is asked of QIDO-RS, and what of its answer is believed."""

from __future__ import annotations

import json
from datetime import date
from urllib.parse import parse_qsl

import pytest

from fhir.dicomweb.attributes import TAGS, read_attributes
from fhir.dicomweb.query import INCLUDED, StudyQuery, answers, query_string, uid_of
from fhir.errors import RequestRefused


@pytest.mark.std("D2")
@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (StudyQuery(), {}),
        (StudyQuery(patient_id="MRN 1&x"), {"PatientID": "MRN 1&x"}),
        (StudyQuery(study_uid="urn:oid:1.2.3", modality="CT"), {"StudyInstanceUID": "1.2.3", "ModalitiesInStudy": "CT"}),
        (StudyQuery(accession_number="A1", since=date(2024, 2, 1)), {"AccessionNumber": "A1", "StudyDate": "20240201-"}),
        (StudyQuery(until=date(2024, 2, 1)), {"StudyDate": "-20240201"}),
        (StudyQuery(since=date(2023, 12, 31), until=date(2024, 2, 1)), {"StudyDate": "20231231-20240201"}),
    ],
    ids=["all", "patient", "UID and modality", "since", "until", "between"],
)
def test_a_query_is_its_keywords(query: StudyQuery, parameters: dict[str, str]) -> None:
    assert query.parameters() == parameters
    text = query_string("studies", parameters, 200, 400)
    assert " " not in text
    included = [("includefield", keyword) for keyword in INCLUDED["studies"]]
    assert parse_qsl(text) == [*parameters.items(), *included, ("limit", "200"), ("offset", "400")]


def test_the_first_page_has_no_offset() -> None:
    assert "offset" not in query_string("instances", {}, 200, 0)


@pytest.mark.parametrize(
    "query",
    [
        StudyQuery(patient_id=""),
        StudyQuery(accession_number=" "),
        StudyQuery(study_uid=""),
        StudyQuery(study_uid="1.2*"),
        StudyQuery(modality=""),
    ],
    ids=["patient", "accession number", "UID", "wildcard UID", "modality"],
)
def test_an_empty_key_which_would_match_everybody_is_refused(query: StudyQuery) -> None:
    with pytest.raises(RequestRefused):
        query.parameters()


def test_a_query_shows_no_patient_when_printed() -> None:
    assert "MRN" not in repr(StudyQuery(patient_id="MRN-1", accession_number="MRN-2"))


@pytest.mark.std("D2")
@pytest.mark.parametrize(
    ("asked", "given", "fits"),
    [
        ({"PatientID": "MRN-1"}, {"PatientID": ["MRN-1 "]}, True),
        ({"PatientID": "MRN*"}, {"PatientID": ["MRN-1"]}, False),
        ({"PatientID": "MRN-1"}, {}, False),
        ({"ModalitiesInStudy": "CT"}, {"ModalitiesInStudy": ["SR", "CT"]}, True),
        ({"ModalitiesInStudy": "CT"}, {"ModalitiesInStudy": ["SR"]}, False),
        ({"ModalitiesInStudy": "CT"}, {}, True),
        ({"StudyDate": "20240101-20240201"}, {"StudyDate": ["20240115"]}, True),
        ({"StudyDate": "20240101-20240201"}, {"StudyDate": ["20240202"]}, False),
        ({"StudyDate": "20240101-"}, {"StudyDate": ["20231231"]}, False),
        ({"StudyDate": "-20240101"}, {"StudyDate": ["20240101"]}, True),
        ({"StudyDate": "-20240101"}, {}, False),
    ],
    ids=repr,
)
def test_a_match_must_fit_to_the_letter(asked: dict[str, str], given: dict[str, list[str]], fits: bool) -> None:
    (found,) = read_attributes(json.dumps([{TAGS[name]: {"Value": value} for name, value in given.items()}]).encode())
    assert answers(found, asked) is fits


def test_a_uid_is_taken_with_and_without_urn_oid() -> None:
    assert uid_of("urn:oid:1.2.840.10008") == uid_of("1.2.840.10008") == "1.2.840.10008"
