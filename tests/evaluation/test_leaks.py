"""Nothing that must not be found is found; and the judge, who is apart from the rules, sees every kind of leak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from evaluation.asking import embedded
from evaluation.case_sets import CaseSet, Divided
from evaluation.leaks import forbidden, leaks
from retrieval.cards import CaseCard, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.keys import NEAR_DUPLICATE_BITS, NEAR_REPORT_BITS
from retrieval.library import Library


@pytest.fixture
def card(make_case: Callable[..., SourceCase]) -> CaseCard:
    return make_case(10).card


@pytest.fixture
def other(make_case: Callable[..., SourceCase], card: CaseCard) -> CaseCard:
    """A card of somebody else that shares nothing, of the same day."""
    return replace(make_case(77).card, as_of=card.as_of)


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    ("reason", "same"),
    [
        ("same person", lambda card: {"person": card.person}),
        ("same person", lambda card: {"linked": (card.person,)}),
        ("same study", lambda card: {"study": card.study}),
        ("near-duplicate image", lambda card: {"image_hash": card.image_hash ^ (2**NEAR_DUPLICATE_BITS - 1)}),
        ("equal report", lambda card: {"report_hash": card.report_hash}),
        ("near-duplicate report", lambda card: {"report_sketch": card.report_sketch ^ (2**NEAR_REPORT_BITS - 1)}),
        ("later date", lambda card: {"as_of": card.as_of + timedelta(days=1)}),
    ],
)
def test_every_kind_of_leak_is_seen_by_itself(card: CaseCard, other: CaseCard, reason: str, same: Any) -> None:
    assert forbidden(card, other) == []
    assert forbidden(card, replace(other, **same(card))) == [reason]


def test_just_outside_a_limit_is_no_leak(card: CaseCard, other: CaseCard) -> None:
    outside = replace(
        other,
        image_hash=card.image_hash ^ (2 ** (NEAR_DUPLICATE_BITS + 1) - 1),
        report_sketch=card.report_sketch ^ (2 ** (NEAR_REPORT_BITS + 1) - 1),
        as_of=card.as_of,
    )
    assert forbidden(card, outside) == []


def test_reports_too_short_for_a_sketch_are_near_to_nothing(card: CaseCard, other: CaseCard) -> None:
    assert forbidden(replace(card, report_sketch=0), replace(other, report_sketch=0)) == []
    assert forbidden(replace(card, report_sketch=1), replace(other, report_sketch=0)) == []


@pytest.mark.fault(84)
def test_a_search_leaks_nothing_where_without_its_rules_everything_would_leak(
    library: Library, parts: Divided, encoder: HashEncoder, case_set: CaseSet
) -> None:
    asked = embedded(encoder, parts.library[:30])
    found = leaks(library, asked, case_set.keyring.check)
    assert found.leaked == ()
    assert found.queries == 30
    assert found.neighbours > 300
    without = dict(found.without_rules)
    assert without["same study"] == 30
    assert without["same person"] >= 30
    assert without["later date"] > 100


class _Open:
    """A library that forgets every rule."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def nearest(self, query: Any, limit: int) -> Any:
        bare = replace(query, persons=frozenset(), studies=frozenset(), image_hash=None, report_hash=None, report_sketch=None)
        return self._library.nearest(bare, limit)


@pytest.mark.fault(84)
def test_a_library_that_forgets_its_rules_is_found_out(library: Library, parts: Divided, encoder: HashEncoder, case_set: CaseSet) -> None:
    found = leaks(_Open(library), embedded(encoder, parts.library[:5]), case_set.keyring.check)  # type: ignore[arg-type]
    assert dict(found.leaked)["same person"] >= 5
