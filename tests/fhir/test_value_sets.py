"""Value sets: codes, whole words, and what must not match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.value_sets import VALUE_SETS, ValueSet


@pytest.mark.parametrize(
    ("name", "text", "matches"),
    [
        ("iv_iodinated_contrast", "CT abdomen and pelvis with IV contrast", True),
        ("iv_iodinated_contrast", "CT ABD/PELVIS W+WO contrast", True),
        ("iv_iodinated_contrast", "Contrast-enhanced CT of the chest", True),
        ("iv_iodinated_contrast", "CT head without IV contrast", False),
        ("iv_iodinated_contrast", "CT abdomen w/o IV contrast", False),
        ("iv_iodinated_contrast", "Non-contrast CT head", False),
        ("iv_iodinated_contrast", "Section with contrast", False),
        ("iv_iodinated_contrast", "MRI brain with contrast", False),
        ("gadolinium_contrast", "MRI brain with contrast", True),
        ("mri", "MRI of the knee", True),
        ("mri", "Primrose study", False),
        ("ionising_abdomen_pelvis", "X-ray pelvis AP", True),
        ("ionising_abdomen_pelvis", "Ultrasound abdomen", False),
        ("ionising_abdomen_pelvis", "XR chest 2 views", False),
        ("image_guided_biopsy", "US-guided biopsy of thyroid", True),
        ("image_guided_biopsy", "Skin biopsy", False),
        ("metformin", "metFORMIN 500 mg", True),
        ("anticoagulant", "Heparin lock flush", False),
        ("diabetes", "Prediabetes", False),
        ("diabetes", "Diabetes insipidus", False),
        ("hypertension", "Pulmonary hypertension", False),
        ("contrast_allergy", "No known contrast allergy", False),
        ("contrast_allergy", "IV dye", True),
        ("platelets", "Platelet mean volume", False),
        ("tension_pneumothorax", "Tension pneumothorax, no drain yet", True),
    ],
)
def test_words_match_whole_words_only(name: str, text: str, matches: bool) -> None:
    assert VALUE_SETS[name].matches({"text": text}) is matches


def test_a_code_matches_without_any_text() -> None:
    concept = {"coding": [{"system": "http://loinc.org", "code": "98979-8"}]}
    assert VALUE_SETS["egfr"].matches(concept)
    assert not VALUE_SETS["inr"].matches(concept)


def test_the_same_code_of_another_system_does_not_match() -> None:
    assert not VALUE_SETS["egfr"].matches({"coding": [{"system": "urn:local", "code": "98979-8"}]})


def test_an_icd_prefix_matches_its_subcodes() -> None:
    concept = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "N17.9"}]}
    assert VALUE_SETS["aki"].matches(concept)
    assert not VALUE_SETS["dialysis"].matches(concept)


def test_both_ckd_epi_codes_are_one_set() -> None:
    codes = {code for _, code in VALUE_SETS["egfr"].codes}
    assert {"62238-1", "98979-8", "33914-3", "48642-3"} <= codes


@pytest.mark.parametrize("chosen", VALUE_SETS.values(), ids=VALUE_SETS.keys())
def test_every_set_says_its_source_and_confirms_only_codes_it_holds(chosen: ValueSet) -> None:
    assert chosen.source
    assert chosen.codes or chosen.words
    assert chosen.confirmed <= chosen.codes


@given(st.text(alphabet="abcdefghij", min_size=1), st.text(alphabet="abcdefghij", min_size=1))
def test_a_word_inside_a_longer_word_never_matches(before: str, after: str) -> None:
    chosen = ValueSet("t", frozenset(), ("ct",))
    assert not chosen.matches({"text": f"{before}ct{after}"})
    assert chosen.matches({"text": f"{before} CT-{after}"})


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_odd_concepts_never_raise(value: object) -> None:
    concept = {"coding": value, "text": value}
    assert VALUE_SETS["egfr"].matches(concept) in (True, False)
