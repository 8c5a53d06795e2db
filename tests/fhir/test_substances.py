"""Molar masses."""

from __future__ import annotations

import doctest
from decimal import Decimal

import pytest

import fhir.substances
from fhir.substances import SUBSTANCES


@pytest.mark.parametrize(
    ("name", "mass"),
    [
        ("creatinine", "113.120"),
        ("glucose", "180.156"),
        ("urea", "60.056"),
        ("urea_nitrogen", "28.014"),
        ("bilirubin", "584.673"),
        ("urate", "168.112"),
        ("cholesterol", "386.664"),
        ("lactate", "90.078"),
        ("thyroxine", "776.856"),
        ("calcium", "40.078"),
    ],
)
def test_a_molar_mass_is_the_sum_of_the_formula(name: str, mass: str) -> None:
    assert SUBSTANCES[name].molar_mass == Decimal(mass)


def test_every_substance_stands_under_its_own_name_and_no_mixture_among_them() -> None:
    assert {name: substance.name for name, substance in SUBSTANCES.items()} == {name: name for name in SUBSTANCES}
    assert {"hemoglobin", "albumin", "triglycerides"}.isdisjoint(SUBSTANCES)


def test_the_examples_of_the_docstrings_are_true() -> None:
    done = doctest.testmod(fhir.substances)
    assert (done.failed, done.attempted > 0) == (0, True)
