"""What a filter keeps, worked out once for a library."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import CaseCard, Filter, SourceCase
from retrieval.generation.columns import Columns
from retrieval.searching.filters import REMEMBERED, base, worked_out

NONE = np.zeros(0, dtype=np.int64)


@pytest.fixture(scope="session")
def cards(make_case: Callable[..., SourceCase]) -> list[CaseCard]:
    return [
        replace(
            make_case(n).card,
            body_part="CHEST" if n % 4 else "ABDOMEN",
            age_band=f"{n % 3}0-{n % 3}9",
            site="ab"[n % 2],
            licence="xy"[n % 2],
        )
        for n in range(12)
    ]


@pytest.fixture(scope="session")
def columns(cards: list[CaseCard]) -> Columns:
    return Columns.of(cards)


PARTS: dict[str, tuple[str, str]] = {
    "modalities": ("modality", "other modality"),
    "body_parts": ("body_part", "other body part"),
    "views": ("view", "other view"),
    "age_bands": ("age_band", "other age band"),
    "sexes": ("sex", "other sex"),
    "sites": ("site", "other site"),
    "licences": ("licence", "other licence"),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_filter_keeps_the_values_it_names(cards: list[CaseCard], columns: Columns, name: str) -> None:
    field, reason = PARTS[name]
    value = getattr(cards[5], field)
    made = worked_out(columns, Filter(**{name: frozenset({value, "one that no case has"})}))
    assert made.rows is not None
    assert made.rows.tolist() == [row for row, card in enumerate(cards) if getattr(card, field) == value]
    assert made.counts(NONE) == [(reason, 12 - len(made.rows))]
    assert 0 < len(made.rows) < 12


def test_a_filter_by_date_keeps_its_own_day(cards: list[CaseCard], columns: Columns) -> None:
    made = worked_out(columns, Filter(since=cards[4].as_of))
    assert made.rows is not None
    assert made.rows.tolist() == list(range(4, 12))
    assert worked_out(columns, Filter(since=cards[4].as_of + timedelta(days=1))).counts(NONE) == [("earlier date", 5)]


def test_no_filter_keeps_all_and_the_empty_set_none(columns: Columns) -> None:
    assert base(columns, Filter()).rows is None
    assert base(columns, Filter()).kept(np.array([1, 2])).tolist() == [1, 2]
    assert base(columns, Filter()).counts(NONE) == []
    nothing = base(columns, Filter(views=frozenset()))
    assert nothing.rows is not None
    assert nothing.rows.tolist() == []
    assert nothing.counts(NONE) == [("other view", 12)]


filters = st.builds(
    Filter,
    modalities=st.none() | st.frozensets(st.sampled_from(["CR", "DX"])),
    views=st.none() | st.frozensets(st.sampled_from(["PA", "AP"])),
    age_bands=st.none() | st.frozensets(st.sampled_from(["00-09", "10-19", "20-29"])),
    sites=st.none() | st.frozensets(st.sampled_from("ab")),
    since=st.none() | st.dates(date(2014, 12, 1), date(2016, 6, 1)),
)


@given(only=filters, without=st.frozensets(st.integers(0, 11)))
def test_each_row_is_kept_or_counted_once_under_the_first_part_that_hit_it(
    cards: list[CaseCard], columns: Columns, only: Filter, without: frozenset[int]
) -> None:
    expected: dict[str, int] = {}
    kept = []
    for row, card in enumerate(cards):
        broken = [
            reason
            for name, (field, reason) in PARTS.items()
            if getattr(only, name) is not None and getattr(card, field) not in getattr(only, name)
        ]
        broken += ["earlier date"] if only.since is not None and card.as_of < only.since else []
        if not broken:
            kept.append(row)
        elif row not in without:
            expected[broken[0]] = expected.get(broken[0], 0) + 1
    made = base(columns, only)
    rows = np.array(sorted(without), dtype=np.int64)
    assert (list(range(12)) if made.rows is None else made.rows.tolist()) == kept
    assert dict(made.counts(rows)) == expected
    assert made.kept(rows).tolist() == [row for row in sorted(without) if row in kept]


def test_what_a_filter_keeps_is_remembered_for_its_library_alone(cards: list[CaseCard], columns: Columns) -> None:
    only = Filter(views=frozenset({"PA"}))
    assert base(columns, only) is base(columns, Filter(views=frozenset({"PA"})))
    other = Columns.of(cards[:3])
    assert base(other, only) is not base(columns, only)
    gone = weakref.ref(other)
    del other
    gc.collect()
    assert gone() is None


def test_so_many_filters_are_remembered_and_not_more(cards: list[CaseCard]) -> None:
    columns = Columns.of(cards)

    def ask(day: int) -> Any:
        return base(columns, Filter(since=date(2015, 1, 1) + timedelta(days=day)))

    first = ask(0)
    for day in range(1, REMEMBERED):
        ask(day)
    assert ask(0) is first
    for day in range(REMEMBERED, 2 * REMEMBERED):
        ask(day)
    assert ask(0) is not first
