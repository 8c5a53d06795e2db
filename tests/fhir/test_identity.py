"""The wrong-patient guard, keyword by keyword."""

from __future__ import annotations

from typing import Any

import pytest

from fhir.chart import chart_of
from fhir.identity import compare_identity
from fhir.imaging import studies
from fhir.study import Outcome

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "urn:mrn", "value": "MRN-1", "assigner": {"display": "North Hospital"}}, {"value": "alt"}],
    "gender": "female",
    "birthDate": "1960-05-17",
}
ACSN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}


def _study(name: str, uid: str, accession: str) -> dict[str, Any]:
    identifiers = [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}, {"type": ACSN, "value": accession}]
    return {"resourceType": "ImagingStudy", "id": name, "status": "available", "identifier": identifiers}


CHART = chart_of(PATIENT, [_study("s1", "1.2.3", "A1"), _study("s2", "1.2.4", "A2")])
STUDY = next(study for study in studies(CHART) if study.reference == "ImagingStudy/s1")


@pytest.mark.std("D3")
@pytest.mark.parametrize(
    ("keyword", "value", "outcome"),
    [
        ("PatientID", "MRN-1", "match"),
        ("PatientID", "alt", "match"),
        ("PatientID", "p1", "match"),
        ("PatientID", "MRN-2", "mismatch"),
        ("PatientID", "", "unknown"),
        ("PatientID", " MRN-1 ", "match"),
        ("PatientID", "mrn1", "unknown"),
        ("PatientID", "00MRN-1", "unknown"),
        ("PatientID", "MRN-10", "mismatch"),
        ("OtherPatientIDs", "x\\MRN-1", "match"),
        ("OtherPatientIDs", "MRN-2", "unknown"),
        ("OtherPatientIDs", "\\ ", "unknown"),
        ("PatientBirthDate", "19600517", "match"),
        ("PatientBirthDate", "19600518", "mismatch"),
        ("PatientBirthDate", "1960", "unknown"),
        ("PatientSex", "F", "match"),
        ("PatientSex", "M", "mismatch"),
        ("PatientSex", "O", "unknown"),
        ("StudyInstanceUID", "1.2.3", "match"),
        ("StudyInstanceUID", "1.2.4", "mismatch"),
        ("AccessionNumber", "A1", "match"),
        ("AccessionNumber", "A2", "mismatch"),
    ],
)
def test_compares_one_keyword_in_three_values(keyword: str, value: str, outcome: Outcome) -> None:
    check = compare_identity({keyword: value}, CHART.patient, STUDY, studies(CHART))
    assert dict(check.fields)[keyword] == outcome
    assert [name for name, found in check.fields if found != "unknown"] == ([keyword] if outcome != "unknown" else [])


@pytest.mark.std("D3")
@pytest.mark.parametrize(
    ("tags", "outcome"),
    [
        ({}, "unknown"),
        ({"PatientSex": "F"}, "unknown"),
        ({"PatientID": "MRN-1"}, "match"),
        ({"PatientSex": "F", "PatientBirthDate": "19600517"}, "unknown"),
        ({"PatientBirthDate": "19600517", "AccessionNumber": "A1"}, "match"),
        ({"PatientID": "MRN-1", "PatientSex": "M"}, "mismatch"),
        ({"PatientID": "MRN-1", "StudyInstanceUID": "9.9"}, "mismatch"),
        ({"PatientID": "other", "StudyInstanceUID": "1.2.3", "AccessionNumber": "A1"}, "mismatch"),
        ({"IssuerOfPatientID": "Elsewhere"}, "unknown"),
        ({"PatientID": "other", "OtherPatientIDs": "MRN-1"}, "unknown"),
        ({"PatientID": "other", "OtherPatientIDs": "MRN-1", "PatientBirthDate": "19600517"}, "match"),
        ({"PatientID": "other", "OtherPatientIDs": "MRN-1", "PatientBirthDate": "19600518"}, "mismatch"),
        ({"PatientID": "mrn1", "PatientBirthDate": "19600517"}, "unknown"),
        ({"PatientID": "mrn1", "PatientBirthDate": "19600517", "StudyInstanceUID": "1.2.3"}, "match"),
    ],
)
def test_one_mismatch_decides_and_one_weak_match_does_not(tags: dict[str, str], outcome: Outcome) -> None:
    assert compare_identity(tags, CHART.patient, STUDY, studies(CHART)).outcome == outcome


@pytest.mark.std("D3")
@pytest.mark.parametrize(
    ("number", "issuer", "outcome", "whole"),
    [
        ("MRN-1", "North Hospital", "match", "match"),
        ("MRN-1", "urn:mrn", "match", "match"),
        ("MRN-1", "Elsewhere", "unknown", "match"),
        ("77", "1.2.3.4", "match", "match"),
        ("MRN-1", "1.2.3.4", "mismatch", "mismatch"),
        ("alt", "North Hospital", "mismatch", "mismatch"),
        ("mrn1", "North Hospital", "unknown", "unknown"),
        ("MRN-1", "", "unknown", "match"),
        ("", "North Hospital", "unknown", "unknown"),
    ],
)
def test_a_known_issuer_speaks_against_a_number_it_did_not_give(number: str, issuer: str, outcome: Outcome, whole: Outcome) -> None:
    identifiers = [*PATIENT["identifier"], {"system": "urn:oid:1.2.3.4", "value": "77"}]
    patient = chart_of({**PATIENT, "identifier": identifiers}).patient
    check = compare_identity({"PatientID": number, "IssuerOfPatientID": issuer}, patient, None, ())
    assert (dict(check.fields)["IssuerOfPatientID"], check.outcome) == (outcome, whole)


@pytest.mark.std("D3")
@pytest.mark.parametrize(("number", "outcome"), [("1234", "unknown"), ("01234", "unknown"), ("1235", "mismatch")])
def test_a_servers_row_number_is_not_taken_for_a_patients_number(number: str, outcome: Outcome) -> None:
    patient = chart_of({"resourceType": "Patient", "id": "1234", "identifier": [{"value": "MRN-1"}]}).patient
    assert compare_identity({"PatientID": number}, patient, None, ()).outcome == outcome


def test_without_a_study_any_study_of_the_chart_will_do() -> None:
    for uid, outcome in (("1.2.4", "match"), ("9.9", "unknown")):
        check = compare_identity({"StudyInstanceUID": uid}, CHART.patient, None, studies(CHART))
        assert dict(check.fields)["StudyInstanceUID"] == outcome


def test_a_partial_birth_date_can_contradict_but_not_confirm() -> None:
    patient = chart_of({**PATIENT, "birthDate": "1960"}).patient
    for value, outcome in (("19600517", "unknown"), ("19610517", "mismatch")):
        assert dict(compare_identity({"PatientBirthDate": value}, patient, None, ()).fields)["PatientBirthDate"] == outcome
