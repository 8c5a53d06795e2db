"""The DICOM JSON model, as servers write it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.dicomweb.attributes import LONGEST, TAGS, Attributes, read_attributes
from fhir.errors import NotDicomweb


def one(**values: Any) -> Attributes:
    (found,) = read_attributes(json.dumps([{TAGS[name]: {"vr": "LO", "Value": value} for name, value in values.items()}]).encode())
    return found


def test_the_tags_are_those_of_the_dictionary() -> None:
    from pydicom.datadict import tag_for_keyword

    assert {name: f"{tag_for_keyword(name):08X}" for name in TAGS} == dict(TAGS)


@pytest.mark.std("D2")
@pytest.mark.parametrize(
    ("value", "text", "number"),
    [
        (["MRN-1"], "MRN-1", None),
        (["  12 \0"], "12", 12),
        ([12], "12", 12),
        (["-3"], "-3", -3),
        ([None], "", None),
        (None, "", None),
        ([], "", None),
        (["CT", "SR"], "CT\\SR", None),
        ([True], "", None),
        ([{"Alphabetic": "Example^Ann"}], "", None),
        (["9" * 13], "9" * 13, None),
        (["²"], "²", None),
        (["a" * 999], "a" * LONGEST, None),
    ],
    ids=repr,
)
def test_a_value_is_read_as_text_and_as_a_number(value: Any, text: str, number: int | None) -> None:
    found = one(PatientID=value)
    assert (found.text("PatientID"), found.number("PatientID")) == (text, number)
    assert found.text("AccessionNumber") == ""


def test_a_list_one_data_set_alone_and_nothing_are_answers() -> None:
    element = {"00100020": {"vr": "LO", "Value": ["a"]}, "7FE00010": {"vr": "OW", "BulkDataURI": "http://elsewhere"}, "00080018": {}}
    assert [found.text("PatientID") for found in read_attributes(json.dumps(element).encode())] == ["a"]
    assert [found.text("PatientID") for found in read_attributes(json.dumps([element, element]).encode())] == ["a", "a"]
    assert read_attributes(b"") == read_attributes(b" \n") == read_attributes(b"[]") == ()


@pytest.mark.parametrize(
    "body",
    [
        b"<html></html>",
        b'[{"00100020": {"Value": ["a"]}',
        b'[{"00100020": {}, "00100020": {}}]',
        b"[1]",
        b"null",
        b'{"resourceType": "OperationOutcome"}',
        b'[{"00100020": {"Value": "a"}}]',
        "[]".encode("utf-16"),
        b"[" * 100_000,
    ],
    ids=["HTML", "cut off", "a key twice", "numbers", "null", "FHIR", "no list", "UTF-16", "nested"],
)
def test_what_is_not_the_model_is_refused(body: bytes) -> None:
    with pytest.raises(NotDicomweb, match="DICOM JSON"):
        read_attributes(body)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read_attributes(body)
    except NotDicomweb:
        return


@pytest.mark.std("D3")
def test_the_identity_is_that_of_a_file_with_the_other_numbers_of_the_patient() -> None:
    item = {TAGS["PatientID"]: {"vr": "LO", "Value": ["other-2"]}}
    found = one(PatientID=["MRN-1"], PatientSex=["F"], OtherPatientIDs=["other-1"], OtherPatientIDsSequence=[item, "odd", {"x": 1}])
    assert found.tags() == {"PatientID": "MRN-1", "PatientSex": "F", "OtherPatientIDs": "other-1\\other-2"}
    assert "MRN-1" not in repr(found)
