"""A card as a row, and the hash that binds it to its row number and its vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import CaseCard, CaseFinding, SourceCase
from retrieval.errors import BadCase, IndexCorrupt
from retrieval.store.row import check_card, checked_card, digest_of, hashed_rows, row_hash, values_of

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
bits = st.integers(0, 2**64 - 1)
sides = st.sampled_from([None, "left", "right", "bilateral"])
cards = st.builds(
    CaseCard,
    as_of=st.dates(),
    findings=st.lists(st.builds(CaseFinding, texts, sides, st.none() | texts), max_size=3).map(tuple),
    report_sketch=bits,
    image_hash=bits,
    outcome=st.none() | texts,
    thumbnail_png=st.binary(max_size=9),
    linked=st.lists(texts, max_size=3).map(tuple),
    **{
        name: texts
        for name in ("key", "person", "study", "modality", "body_part", "view", "age_band", "sex", "report", "report_hash", "consent",
                     "licence", "site")
    },
)  # fmt: skip
VECTOR = np.arange(6, dtype=np.float32)


@given(card=cards, row=st.integers(0, 2**40))
def test_any_card_comes_back_from_its_row_as_it_was(card: CaseCard, row: int) -> None:
    ((number, digest, *values),) = hashed_rows(row, [card], VECTOR[None])
    assert number == row
    assert checked_card(row, (*values, digest), VECTOR) == card


@pytest.mark.fault(83)
@given(card=cards, other=cards, data=st.data())
def test_no_value_row_number_or_vector_can_change_without_another_hash(card: CaseCard, other: CaseCard, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([field.name for field in fields(CaseCard)]))
    edited = replace(card, **{name: getattr(other, name)})
    digest = row_hash(7, values_of(card), VECTOR)
    assert (row_hash(7, values_of(edited), VECTOR) == digest) == (edited == card)
    assert row_hash(8, values_of(card), VECTOR) != digest
    assert row_hash(7, values_of(card), np.nextafter(VECTOR, np.float32(9))) != digest


@pytest.mark.fault(83)
@given(card=cards)
def test_a_text_that_moves_from_one_column_to_the_next_changes_the_hash(card: CaseCard) -> None:
    one, other = replace(card, modality="CR", body_part=""), replace(card, modality="", body_part="CR")
    assert row_hash(0, values_of(one), VECTOR) != row_hash(0, values_of(other), VECTOR)


def test_a_row_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexCorrupt):
        checked_card(0, None, VECTOR)


@pytest.mark.parametrize("place", range(20))
def test_a_row_whose_hash_is_right_and_whose_values_are_none_of_ours_is_refused(make_case: Callable[..., SourceCase], place: int) -> None:
    values: list[Any] = list(values_of(make_case(1).card))
    values[place] = "no date, no number, no list"
    found = (*values, row_hash(1, values, VECTOR))
    parsed = (2, 4, 11, 14, 15)
    if place in parsed:
        with pytest.raises(IndexCorrupt):
            checked_card(1, found, VECTOR)
    else:
        assert checked_card(1, found, VECTOR)


@pytest.mark.parametrize("value", ["\0", "a\0", "\ud800", "b\udfff"])
@pytest.mark.parametrize("field", ["report", "consent", "outcome", "site"])
def test_text_that_no_database_keeps_is_refused(make_case: Callable[..., SourceCase], field: str, value: str) -> None:
    with pytest.raises(BadCase):
        check_card(replace(make_case(1).card, **{field: value}))


def test_a_card_of_any_other_text_may_be_written(make_case: Callable[..., SourceCase]) -> None:
    check_card(replace(make_case(1).card, report="\x01 \x7f \u00e9 \U0001f600 \uffff"))


@pytest.mark.parametrize("rows", [[1], [0, 2], [0, 0], [1, 0]])
def test_rows_with_gaps_have_no_digest(rows: list[int]) -> None:
    with pytest.raises(IndexCorrupt):
        digest_of((row, "0" * 64) for row in rows)


def test_the_digest_depends_on_the_order() -> None:
    assert digest_of([(0, "a"), (1, "b")]) != digest_of([(0, "b"), (1, "a")])
    assert digest_of([]) != digest_of([(0, "")])


def test_cards_of_the_first_and_of_the_last_day_are_kept(make_case: Callable[..., SourceCase]) -> None:
    for day in (date.min, date.max):
        card = replace(make_case(1).card, as_of=day)
        values = values_of(card)
        assert checked_card(0, (*values, row_hash(0, values, VECTOR)), VECTOR).as_of == day
