"""Phantom studies become cases of the library; nobody is in it."""

from __future__ import annotations

from datetime import date

import pytest

from retrieval.cards import SourceCase
from retrieval.keys import difference_hash
from sandbox.phantoms.sample import corpus
from sandbox.phantoms.truth import truth
from sidenote.library import FIRST_DAY, LAST_DAY, PHANTOM_LICENCE, PHANTOM_SEED, PHANTOM_SIZE, phantom_case, phantom_cases, phantom_keyring


@pytest.fixture(scope="module")
def cases() -> list[SourceCase]:
    return list(phantom_cases(12))


def test_a_case_says_what_its_phantom_shows(cases: list[SourceCase]) -> None:
    for case, phantom in zip(cases, corpus(range(12), size=PHANTOM_SIZE, seed=PHANTOM_SEED), strict=True):
        assert tuple((finding.key, finding.side) for finding in case.card.findings) == truth(phantom.phantom.spec)
        assert case.card.report == phantom.report.text
        assert (case.card.view, case.card.sex) == (phantom.phantom.spec.view, phantom.phantom.spec.subject.sex)
        assert case.image.shape == (PHANTOM_SIZE, PHANTOM_SIZE)
        assert 0 <= case.image.min() < case.image.max() <= 1
        assert case.card.image_hash == difference_hash(case.image)


def test_cases_are_of_different_people_and_studies_with_days_spread_over_the_decade(cases: list[SourceCase]) -> None:
    assert len({key for case in cases for key in (case.card.person, case.card.study, case.card.key)}) == 36
    days = [case.card.as_of for case in cases]
    assert all(FIRST_DAY <= day <= LAST_DAY for day in days)
    assert len({day.year for day in days}) >= 5
    assert isinstance(days[0], date)


def test_every_case_states_licence_and_consent(cases: list[SourceCase]) -> None:
    assert {case.card.licence for case in cases} == {PHANTOM_LICENCE}
    assert all("synthetic" in case.card.consent for case in cases)


def test_a_case_does_not_depend_on_how_many_are_drawn(cases: list[SourceCase]) -> None:
    (again,) = phantom_cases(1, first=7)
    assert again.card == cases[7].card
    assert (again.image == cases[7].image).all()


def test_drawing_in_processes_gives_the_same_cases_in_the_same_order(cases: list[SourceCase]) -> None:
    drawn = list(phantom_cases(64))
    assert [case.card for case in drawn[:12]] == [case.card for case in cases]
    assert len(drawn) == 64


def test_keys_are_those_of_the_phantom_keyring() -> None:
    (phantom,) = corpus([3], size=PHANTOM_SIZE, seed=PHANTOM_SEED)
    assert phantom_case(phantom).card.key == phantom_keyring().case("phantom-3")
