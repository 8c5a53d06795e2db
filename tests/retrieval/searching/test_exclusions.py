"""Which rows a query may find, decided before any distance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import CaseCard, Filter, Query, SourceCase
from retrieval.errors import QueryRefused
from retrieval.generation.columns import Columns, concatenate
from retrieval.keys import NEAR_REPORT_BITS
from retrieval.searching.exclusions import eligible, violated

NOBODY = "f" * 32
DAY = date(2020, 1, 1)
SKETCH = 0x0123_4567_89AB_CDEF
NO_ROWS = np.zeros(0, dtype=np.int64)


def key(name: str) -> str:
    return name.encode().hex().ljust(32, "0")


@pytest.fixture(scope="session")
def cards(make_case: Callable[..., SourceCase]) -> list[CaseCard]:
    """Four cases: p0 twice, p1 who is also known as p9, p2; two of one report; images and reports at known distances."""
    first = make_case(0).card
    table = [
        ("p0", (), "s0", 1, "DX", "PA", "r0", 0, SKETCH),
        ("p0", ("p8",), "s1", 2, "DX", "AP", "r1", 0b111, SKETCH ^ (2**NEAR_REPORT_BITS - 1)),
        ("p1", ("p9",), "s2", 3, "CR", "PA", "r1", 2**64 - 1, SKETCH ^ (2 ** (NEAR_REPORT_BITS + 1) - 1)),
        ("p2", (), "s3", 4, "DX", "PA", "r3", 0b111111 << 58, 0),
    ]
    return [
        replace(
            first, person=key(person), linked=tuple(map(key, linked)), study=key(study), as_of=DAY + timedelta(days=day - 1),
            modality=modality, view=view, report_hash=key(report), image_hash=image, report_sketch=sketch,
        )
        for person, linked, study, day, modality, view, report, image, sketch in table
    ]  # fmt: skip


@pytest.fixture(scope="session")
def columns(cards: list[CaseCard]) -> Columns:
    """The four cases in two segments."""
    return concatenate([Columns.of(cards[:1]), Columns.of(cards[1:])])


def keys(*names: str) -> frozenset[str]:
    return frozenset(map(key, names))


def make_query(**fields: Any) -> Query:
    return Query(image=None, text=None, **{"as_of": date(2030, 1, 1), **fields})


def ask(columns: Columns, bits: int = 5, gone: tuple[int, ...] = (), **fields: Any) -> tuple[list[int], dict[str, int]]:
    found = eligible(columns, make_query(**fields), bits, np.array(gone, dtype=np.int64))
    assert found.kept.count(4) == found.kept.mask(4).sum()
    return np.flatnonzero(found.kept.mask(4)).tolist(), dict(found.excluded)


@pytest.mark.fault(84)
@pytest.mark.parametrize(
    ("fields", "kept", "excluded"),
    [
        ({}, [0, 1, 2, 3], {}),
        ({"persons": keys("p0")}, [2, 3], {"same person": 2}),
        ({"persons": keys("p9")}, [0, 1, 3], {"same person": 1}),
        ({"persons": keys("p0", "p8", "p2") | {NOBODY}}, [2], {"same person": 3}),
        ({"persons": frozenset({NOBODY})}, [0, 1, 2, 3], {}),
        ({"studies": keys("s3")}, [0, 1, 2], {"same study": 1}),
        ({"image_hash": 0}, [2, 3], {"near-duplicate image": 2}),
        ({"image_hash": 2**64 - 1}, [0, 1, 3], {"near-duplicate image": 1}),
        ({"report_hash": key("r1")}, [0, 3], {"equal report": 2}),
        ({"report_sketch": SKETCH}, [2, 3], {"near-duplicate report": 2}),
        ({"report_sketch": 0}, [0, 1, 2, 3], {}),
        ({"report_sketch": 1}, [0, 1, 2, 3], {}),
        ({"as_of": DAY + timedelta(days=1)}, [0, 1], {"later date": 2}),
        ({"as_of": DAY - timedelta(days=1)}, [], {"later date": 4}),
        ({"as_of": date.min}, [], {"later date": 4}),
        ({"as_of": date.max}, [0, 1, 2, 3], {}),
        ({"only": Filter(modalities=frozenset({"CR"}))}, [2], {"other modality": 3}),
        ({"only": Filter(views=frozenset({"AP", "LL"}))}, [1], {"other view": 3}),
        ({"only": Filter(since=DAY + timedelta(days=2))}, [2, 3], {"earlier date": 2}),
        ({"only": Filter(sites=frozenset())}, [], {"other site": 4}),
        ({"gone": (1, 3)}, [0, 2], {"removed or in quarantine": 2}),
    ],
)
def test_leaves_out_what_leaks_and_what_was_filtered(
    columns: Columns, fields: dict[str, Any], kept: list[int], excluded: dict[str, int]
) -> None:
    assert ask(columns, **fields) == (kept, excluded)


@pytest.mark.parametrize(("bits", "kept"), [(0, [1, 2, 3]), (2, [1, 2, 3]), (3, [2, 3]), (6, [2]), (64, [])])
def test_an_image_is_near_up_to_the_stated_number_of_bits(columns: Columns, bits: int, kept: list[int]) -> None:
    assert ask(columns, bits, image_hash=0)[0] == kept


def test_a_row_counts_under_the_first_reason_that_hit_it(columns: Columns) -> None:
    only = Filter(modalities=frozenset({"CR"}))
    assert ask(columns, persons=keys("p0"), studies=keys("s0", "s2"), only=only) == (
        [],
        {"same person": 2, "same study": 1, "other modality": 1},
    )
    assert ask(columns, gone=(0,), persons=keys("p0"), as_of=DAY, only=only) == (
        [],
        {"removed or in quarantine": 1, "same person": 1, "later date": 2},
    )


@pytest.mark.parametrize("fields", [{"persons": frozenset({"MRN 17"})}, {"studies": frozenset({"1.2.3"})}, {"report_hash": "a report"}])
def test_an_identity_in_place_of_a_key_is_refused_and_not_repeated(columns: Columns, fields: dict[str, Any]) -> None:
    with pytest.raises(QueryRefused) as caught:
        ask(columns, **fields)
    assert not any(text in str(caught.value) for text in ("MRN 17", "1.2.3", "a report"))


def test_an_empty_library_has_nothing_to_find_and_nothing_to_leave_out() -> None:
    query = make_query(persons=keys("p0"), studies=keys("s0"), image_hash=0, report_hash=key("r0"), report_sketch=SKETCH,
                       only=Filter(views=frozenset({"PA"})))  # fmt: skip
    found = eligible(Columns.of([]), query, 5, NO_ROWS)
    assert (found.kept.count(0), found.excluded) == (0, ())


def test_the_base_of_a_filter_is_the_same_for_every_query(columns: Columns) -> None:
    only = Filter(modalities=frozenset({"DX"}))
    one = eligible(columns, make_query(only=only), 5, NO_ROWS).kept
    other = eligible(columns, make_query(only=replace(only), persons=keys("p0")), 5, NO_ROWS).kept
    assert one.base is other.base
    assert one.base_name == other.base_name == only
    assert other.dropped.tolist() == [0, 1]


queries = st.builds(
    make_query,
    persons=st.frozensets(st.sampled_from([*map(key, ("p0", "p1", "p2", "p8", "p9")), NOBODY])),
    studies=st.frozensets(st.sampled_from(list(map(key, ("s0", "s1", "s2", "s3"))))),
    image_hash=st.sampled_from([None, 0, 7, 2**64 - 1]),
    report_hash=st.sampled_from([None, key("r0"), key("r1")]),
    report_sketch=st.sampled_from([None, 0, SKETCH, SKETCH ^ 1]),
    as_of=st.dates(date(2019, 12, 30), date(2020, 1, 6)),
    only=st.builds(
        Filter,
        modalities=st.none() | st.frozensets(st.sampled_from(["CR", "DX"])),
        views=st.none() | st.frozensets(st.sampled_from(["AP", "PA"])),
        since=st.none() | st.dates(date(2019, 12, 30), date(2020, 1, 6)),
    ),
)


@pytest.mark.fault(84)
@given(query=queries, gone=st.frozensets(st.integers(0, 3)), bits=st.integers(0, 8))
def test_columns_and_cards_agree_on_what_must_not_be_found(
    columns: Columns, cards: list[CaseCard], query: Query, gone: frozenset[int], bits: int
) -> None:
    found = eligible(columns, query, bits, np.array(sorted(gone), dtype=np.int64))
    kept = np.flatnonzero(found.kept.mask(4)).tolist()
    assert kept == [row for row, card in enumerate(cards) if row not in gone and violated(card, query, bits) is None]
    assert len(kept) == found.kept.count(4) == 4 - sum(number for _, number in found.excluded)
    assert found.kept.dropped.tolist() == sorted(set(found.kept.dropped.tolist()))
    assert all(number > 0 for _, number in found.excluded)


@pytest.mark.fault(84)
def test_a_card_is_held_to_whole_keys_and_not_to_their_beginnings(cards: list[CaseCard]) -> None:
    alike = key("p2")[:16] + "1" * 16
    assert violated(cards[3], make_query(persons=frozenset({alike})), 5) is None
    assert violated(cards[3], make_query(persons=keys("p2")), 5) == "same person"
