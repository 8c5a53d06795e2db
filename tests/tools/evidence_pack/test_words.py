"""What a question means: value sets by words and synonyms, and the words that are worth looking for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.value_sets import ICD10CM, VALUE_SETS, Coding
from policies.conditions import leaves
from policies.guidance_pack import load_topics
from policies.loading import load_rules
from tools.evidence_pack.words import READ_BY_POLICIES, SYNONYMS, sets_in, sets_of, telling
from tools.labs import ANALYTES


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("How is her kidney function?", {"egfr", "creatinine", "kidney_disease"}),
        ("Is she on warfarin?", {"anticoagulant"}),
        ("RENAL", {"egfr"}),
        ("Safe to biopsy?", {"inr", "platelets", "anticoagulant"}),
        ("Any signs of sepsis", {"crp", "lactate", "white_cells"}),
        ("CT with IV contrast planned", {"iv_iodinated_contrast", "egfr", "metformin", "contrast_allergy"}),
    ],
)
def test_a_question_names_value_sets_by_their_words_and_by_synonyms(question: str, named: set[str]) -> None:
    assert named <= sets_in(question)


@pytest.mark.parametrize("question", ["", "What was the weather?", "kidneystone"])
def test_other_words_name_none(question: str) -> None:
    assert sets_in(question) == frozenset()


@given(st.text(max_size=200))
def test_any_text_may_be_asked(text: str) -> None:
    assert sets_in(text) <= frozenset(VALUE_SETS)
    assert all(word == word.strip() and word for word in telling(text))


def test_dull_words_are_left_out_and_a_plural_is_its_singular() -> None:
    assert telling("When did the patient have her last tetanus shots?") == {"tetanus", "shot"}
    assert telling("Lungs, pelvis, abscess, gas") == {"lung", "pelvis", "abscess", "gas"}


def test_every_synonym_leads_to_value_sets_that_are_there() -> None:
    assert {name for names in SYNONYMS.values() for name in names} <= READ_BY_POLICIES


def test_no_rule_and_no_topic_looks_for_a_value_set_that_is_taken_for_one_of_answers_only() -> None:
    conditions = [*(rule.when for rule in load_rules()), *(topic.when for topic in load_topics())]
    looked_for = {name for when in conditions for leaf in leaves(when) if (name := getattr(leaf, "value_set", None))}
    looked_for |= {slot.measured or slot.value_set for topic in load_topics() for claim in topic.claims for slot in claim.slots.values()}
    looked_for |= {analyte.value_set for analyte in ANALYTES}
    assert len(looked_for) > 20
    assert looked_for - {None} <= READ_BY_POLICIES


@given(
    codings=st.frozensets(
        st.sampled_from(sorted({coding for one in VALUE_SETS.values() for coding in one.codes} | {(ICD10CM, "N18.4"), ("x", "y")})),
        max_size=2,
    ),
    words=st.lists(
        st.sampled_from(sorted({word for one in VALUE_SETS.values() for entry in one.words for word in entry.replace(" + ", " ").split()})),
        max_size=6,
    ),
)
def test_a_concept_is_of_the_value_sets_that_match_it_when_all_are_asked(codings: frozenset[Coding], words: list[str]) -> None:
    text = " ".join(words).replace("-", "")
    asked = {name for name in READ_BY_POLICIES if VALUE_SETS[name].matches_codings(codings) or VALUE_SETS[name].matches_text(text)}
    assert sets_of(codings, text) == asked
