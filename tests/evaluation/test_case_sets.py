"""Nobody has cases in the library and among the queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evaluation.case_sets import CaseSet, divided
from retrieval.cards import SourceCase
from retrieval.keys import Keyring


def test_persons_are_on_one_side_and_no_case_is_lost(case_set: CaseSet) -> None:
    made = divided(case_set.cases, 40)
    assert len(made.queries) == 40
    assert {case.card.person for case in made.library}.isdisjoint(case.card.person for case in made.queries)
    assert sorted(case.card.key for case in (*made.library, *made.queries)) == sorted(case.card.key for case in case_set.cases)


def test_linked_identifiers_are_one_person(make_case: Callable[..., SourceCase], keyring: Keyring) -> None:
    """A chain: each person is linked to the next, so that all are one, and there is nobody else to make a library of."""
    cases = [make_case(2 * number, linked=(keyring.person(f"person {number + 1}"),)) for number in range(30)]
    made = divided(cases, 5)
    assert len(made.library) in (0, 30)


def test_the_division_is_the_same_each_time_and_another_with_another_seed(case_set: CaseSet) -> None:
    assert divided(case_set.cases, 20) == divided(case_set.cases, 20)
    assert divided(case_set.cases, 20) != divided(case_set.cases, 20, seed=1)


@given(queries=st.integers(0, 400), seed=st.integers(0, 5))
def test_most_cases_stay_in_the_library(case_set: CaseSet, queries: int, seed: int) -> None:
    made = divided(case_set.cases, queries, seed)
    assert min(queries, 53) <= len(made.queries) <= 54
    assert len(made.library) >= 106


def test_a_set_whose_cases_have_all_the_same_findings_ranks_nothing(case_set: CaseSet) -> None:
    assert case_set.ranks
    assert not replace(case_set, cases=tuple(case for case in case_set.cases if not case.card.findings)).ranks
