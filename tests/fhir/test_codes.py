"""The vocabulary holds together: keys, codes, order, and what has a side."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from fhir.codes import DCM, FINDING, FINDINGS, LATERALITY_SNOMED, LOINC, RXNORM, SNOMED, UCUM, Finding, Side

_TABLE = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_TURNS = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)


def has_its_check_digit(identifier: str) -> bool:
    """Verhoeff's check over the dihedral group of order 10, which the last digit of every SNOMED CT identifier carries."""
    sum_ = 0
    for place, digit in enumerate(reversed(identifier)):
        sum_ = _TABLE[sum_][_TURNS[place % 8][int(digit)]]
    return sum_ == 0


CODES = [*(finding.snomed for finding in FINDINGS if finding.snomed), *LATERALITY_SNOMED]


@pytest.mark.parametrize("code", CODES)
def test_a_snomed_code_is_a_concept_id_with_its_check_digit(code: str) -> None:
    assert re.fullmatch(r"[1-9]\d{5,17}", code)
    assert code[-3:-1] in {"00", "10"}, "not a concept's partition"
    assert has_its_check_digit(code)


@pytest.mark.parametrize("wrong", ["60046007", "60064008", "7771001"])
def test_the_check_digit_finds_a_typing_error(wrong: str) -> None:
    assert not has_its_check_digit(wrong)


def test_no_two_findings_share_a_key_a_name_or_a_code() -> None:
    for values in ([one.key for one in FINDINGS], [one.display for one in FINDINGS], CODES):
        assert len(values) == len(set(values))
    assert {key: FINDING[key].key for key in FINDING} == {one.key: one.key for one in FINDINGS}


def test_the_order_is_the_one_the_models_heads_were_trained_in() -> None:
    assert [one.key for one in FINDINGS] == [
        "pleural_effusion",
        "pneumothorax",
        "tension_pneumothorax",
        "consolidation",
        "cardiomegaly",
        "pulmonary_edema",
        "nodule",
        "atelectasis",
        "malpositioned_device",
        "pacemaker",
    ]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.key)
def test_a_device_has_no_side_and_a_key_is_a_word_for_machines(finding: Finding) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", finding.key)
    assert not (finding.device and finding.lateral)
    with pytest.raises(FrozenInstanceError):
        finding.lateral = True  # type: ignore[misc]  # that is the test


def test_every_side_has_its_code() -> None:
    assert sorted(LATERALITY_SNOMED.values()) == sorted(get_args(Side))


def test_the_code_systems_are_the_ones_fhir_r4_names() -> None:
    assert (LOINC, SNOMED, UCUM) == ("http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org")
    assert RXNORM.startswith("http://www.nlm.nih.gov/")
    assert DCM == "http://dicom.nema.org/resources/ontology/DCM"
