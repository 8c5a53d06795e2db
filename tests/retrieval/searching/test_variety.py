"""At most one of copies; of nearly equal distances another set of findings first."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.keys import NEAR_REPORT_BITS
from retrieval.searching.variety import Trait, distinct, varied

FAR = 0xFFFF_FFFF_0000_0000
traits = st.builds(
    Trait,
    report=st.integers(0, 4),
    image=st.sampled_from([0, 0b11111, 0b111111, FAR, FAR ^ 1]),
    findings=st.just(""),
    sketch=st.sampled_from([0, 1, 0xFF, 0x1FF, FAR]),
)


def copies(one: Trait, other: Trait, bits: int) -> bool:
    sketched = one.sketch != 0 and other.sketch != 0
    return (
        one.report == other.report
        or bin(one.image ^ other.image).count("1") <= bits
        or (sketched and bin(one.sketch ^ other.sketch).count("1") <= NEAR_REPORT_BITS)
    )


@given(found=st.lists(traits), bits=st.integers(0, 10), most=st.integers(0, 8))
def test_what_is_kept_are_the_first_that_copy_none_kept_before(found: list[Trait], bits: int, most: int) -> None:
    expected: list[int] = []
    for position, trait in enumerate(found):
        if len(expected) < most and not any(copies(trait, found[kept], bits) for kept in expected):
            expected.append(position)
    assert distinct(found, bits, most) == expected


COST = 0.05


@pytest.mark.parametrize(
    ("other", "kept"),
    [
        (Trait(1, FAR, "", FAR), [0]),
        (Trait(2, 0b11111, "", FAR), [0]),
        (Trait(2, 0b111111, "", FAR), [0, 1]),
        (Trait(2, FAR, "", 0xFF00), [0, 1]),
        (Trait(2, FAR, "", 0xFFF), [0]),
        (Trait(2, FAR, ""), [0, 1]),
    ],
    ids=["equal report", "near image", "an image one bit further", "another sketch", "near report", "no sketch"],
)
def test_a_copy_is_an_equal_report_a_near_one_or_a_near_image(other: Trait, kept: list[int]) -> None:
    assert distinct([Trait(1, 0, "", 0xFF), other], 5, 9) == kept


def test_two_texts_without_a_sketch_are_not_alike_for_it() -> None:
    assert distinct([Trait(1, 0, ""), Trait(2, FAR, "")], 5, 9) == [0, 1]


@pytest.mark.parametrize(
    ("distances", "findings", "count", "expected"),
    [
        ([], [], 3, []),
        ([0.1, 0.2], ["a", "b"], 1, [0]),
        ([0.1, 0.11, 0.12, 0.155], ["a", "a", "a", "b"], 2, [0, 3]),
        ([0.1, 0.11, 0.12, 0.165], ["a", "a", "a", "b"], 2, [0, 1]),
        ([0.1, 0.11, 0.14, 0.15], ["", "", "b", "c"], 3, [0, 2, 3]),
        ([0.1, 0.1, 0.1], ["a", "a", "a"], 2, [0, 1]),
    ],
    ids=["none", "fewer than there are", "another first", "not at any price", "no finding is a set too", "earlier of equals"],
)
def test_of_nearly_equal_distances_another_set_of_findings_comes_first(
    distances: list[float], findings: list[str], count: int, expected: list[int]
) -> None:
    assert varied(distances, findings, count, COST) == expected


@given(cases=st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abc")), max_size=12), count=st.integers(0, 12))
def test_the_nearest_is_always_among_them_and_they_stay_in_order(cases: list[tuple[int, str]], count: int) -> None:
    ordered = sorted(cases)
    chosen = varied([away / 16 for away, _ in ordered], [name for _, name in ordered], count, COST)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(count, len(cases))
    assert not chosen or chosen[0] == 0


def test_every_repetition_costs_the_same_again() -> None:
    steps = [(0.1 + COST * n - 0.001, name) for n, name in product(range(3), "ab")]
    distances, findings = [away for away, _ in steps], [name for _, name in steps]
    assert varied(distances, findings, 4, COST) == [0, 1, 2, 3]
