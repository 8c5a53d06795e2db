"""QIDO-RS: matching and what is told."""

from __future__ import annotations

import pytest

from sandbox.ehr.dicomweb.images import Images
from sandbox.ehr.dicomweb.query import MOST, Level, matches, read_question
from sandbox.ehr.outcome import Refusal


def found(images: Images, level: Level, *pairs: tuple[str, str]) -> list[str]:
    told, _ = matches(images, read_question(level, pairs))
    keyword = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}[level]
    return [str(each[keyword].value) for each in told]


@pytest.mark.std("D2")
@pytest.mark.parametrize(
    ("key", "value", "studies"),
    [
        ("PatientID", "MRN-1.2.3", ["1.2.3"]),
        ("00100020", "MRN-1.2.3", ["1.2.3"]),
        ("PatientID", "mrn-1.2.3", []),
        ("PatientID", "MRN-1.2.?", ["1.2.3", "1.2.4", "1.2.9"]),
        ("PatientID", "MRN", []),
        ("PatientID", "MRN-[1].2.3", []),
        ("AccessionNumber", "A-1.2.4", ["1.2.4"]),
        ("PatientName", "birch*", ["1.2.4"]),
        ("StudyInstanceUID", "1.2.3,1.2.9", ["1.2.3", "1.2.9"]),
        ("StudyInstanceUID", "1.2", []),
        ("ModalitiesInStudy", "XA", ["1.2.3"]),
        ("ModalitiesInStudy", "CT", []),
        ("StudyDate", "20230101", ["1.2.4"]),
        ("StudyDate", "20230102-", ["1.2.3", "1.2.9"]),
        ("StudyDate", "-20230101", ["1.2.4"]),
        ("StudyDate", "20230101-20240310", ["1.2.3", "1.2.4", "1.2.9"]),
        ("StudyID", "7", []),
    ],
)
def test_a_study_matches_by_what_it_holds(images: Images, key: str, value: str, studies: list[str]) -> None:
    assert found(images, "studies", (key, value)) == studies


def test_all_keys_must_fit_and_those_of_the_levels_above_count_below(images: Images) -> None:
    assert found(images, "studies", ("PatientID", "MRN-1.2.3"), ("StudyDate", "20230101")) == []
    assert found(images, "series", ("Modality", "XA")) == ["1.2.3.2"]
    assert found(images, "series", ("PatientID", "MRN-1.2.4")) == ["1.2.4.1"]
    assert found(images, "instances", ("SeriesInstanceUID", "1.2.3.1"), ("InstanceNumber", "2")) == ["1.2.3.1.2"]


@pytest.mark.parametrize(
    ("level", "pair"),
    [
        ("studies", ("Nothing", "1")),
        ("studies", ("00000000", "1")),
        ("studies", ("Modality", "DX")),
        ("studies", ("PatientID", "")),
        ("studies", ("StudyDate", "2023")),
        ("studies", ("StudyDate", "-")),
        ("studies", ("limit", "-1")),
        ("studies", ("offset", "x")),
        ("studies", ("includefield", "Nothing")),
        ("series", ("SOPInstanceUID", "1")),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_not_ignored(images: Images, level: Level, pair: tuple[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        matches(images, read_question(level, [pair]))
    assert refused.value.status == 400


@pytest.mark.std("D2")
def test_pages_cover_all_matches_once(images: Images) -> None:
    pages = [found(images, "studies", ("limit", "1"), ("offset", str(offset))) for offset in range(4)]
    assert pages == [["1.2.3"], ["1.2.4"], ["1.2.9"], []]
    assert matches(images, read_question("studies", [("limit", "1")]))[1] == 3
    assert read_question("studies", [("limit", "5000")]).limit == MOST


def test_what_is_told_is_what_the_standard_wants_and_what_was_asked_for(images: Images) -> None:
    (study, *_), _ = matches(images, read_question("studies", [("includefield", "00180015,BodyPartExamined")]))
    assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances, study.ModalitiesInStudy) == (2, 3, ["DX", "XA"])
    assert "Rows" not in study
    (whole, *_), _ = matches(images, read_question("instances", [("includefield", "all")]))
    assert (whole.Rows, whole.PixelRepresentation) == (6, 0)
    assert "PixelData" not in whole
