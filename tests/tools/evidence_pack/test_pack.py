"""Chosen in one order, whatever the budget: what is needed first, then what matters most for its tokens."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.chart import chart_of
from fhir.time import parse_when
from policies.evidence import Sourced
from tools.errors import InputRefused
from tools.evidence_pack.pack import LONGEST, Candidate, Left, pack
from tools.evidence_pack.tokens import TokenCounter, cost, estimated


def said(name: str, words: int = 4) -> Sourced:
    return Sourced(kind="chart_fact", reference=f"Observation/{name}", text=" ".join([name, *["word"] * words]), sha256="0" * 64)


def offered(name: str, score: float = 2.0, place: int = 0, words: int = 4, **more: object) -> Candidate:
    return Candidate("results", said(name, words), (1, place), (("speaks for it", score),), **more)  # type: ignore[arg-type]


def names(candidates: list[Candidate], budget: int, count: TokenCounter = estimated) -> list[str]:
    return [item.reference.removeprefix("Observation/") for item in pack(candidates, budget, "Patient/p", count).items]


def ten(text: str) -> int:
    """Every line costs ten tokens."""
    return 10


def test_the_needed_come_first_by_tier_and_rank_then_what_scores_most_for_its_tokens() -> None:
    candidates = [
        offered("aa", 9.0, 0),
        offered("bb", 8.0, 1, size=10),
        offered("cc", 0.0, 2, need=(1, 0)),
        offered("dd", 0.0, 3, need=(0, 1)),
        offered("ee", 0.0, 4, need=(0, 0)),
    ]
    taken = [set(names(candidates, 10 * number, ten)) for number in range(6)]
    assert taken == [set(), {"ee"}, {"ee", "dd"}, {"ee", "dd", "cc"}, {"ee", "dd", "cc", "bb"}, {"ee", "dd", "cc", "bb", "aa"}]


def test_the_pack_stands_in_the_order_of_gathering_and_not_in_that_of_choosing() -> None:
    assert names([offered("aa", 2.0, 0), offered("bb", 9.0, 1), offered("cc", 0.0, 2, need=(0, 0))], 1_000) == ["aa", "bb", "cc"]


def test_what_nothing_speaks_for_is_set_aside_and_is_no_overflow() -> None:
    packed = pack([offered("aa", 0.2), offered("bb", 3.0)], 1_000, "Patient/p")
    assert ([each.item.reference for each in packed.taken], packed.left, packed.set_aside) == (["Observation/bb"], (), 1)


@pytest.mark.fault(19)
def test_what_does_not_fit_is_counted_by_tool_with_its_newest_date() -> None:
    dates = ["2020-01-01", "2024-05", "2023-12-31T10:00:00Z"]
    candidates = [offered(f"n{n}", 5.0 - n, n, moment=parse_when(date)) for n, date in enumerate(dates)]
    packed = pack([*candidates, Candidate("notes", said("note"), (0, 0), need=(0, 0))], 20, "Patient/p", ten)
    assert packed.left == (Left("results", 1, 2, "2024-05", needed=False),)
    assert packed.used == packed.budget == 20


@pytest.mark.fault(19)
def test_something_needed_that_does_not_fit_is_flagged_and_no_error() -> None:
    assert pack([offered("aa", need=(0, 0))], 3, "Patient/p").left == (Left("results", 0, 1, None, needed=True),)


def test_an_item_too_long_to_be_read_waits_until_all_others_are_in() -> None:
    long = offered("long", words=LONGEST, need=(0, 0))
    assert names([long, offered("aa", 2.0, 1)], LONGEST) == ["aa"]
    assert set(names([long, offered("aa", 2.0, 1)], 5 * LONGEST)) == {"long", "aa"}
    (left,) = pack([long, offered("aa", 2.0, 1)], LONGEST, "Patient/p").left
    assert left.needed


def test_one_fact_that_two_tools_offer_is_in_once_as_needed_as_the_more_needed_of_them() -> None:
    patient = {"resourceType": "Patient", "id": "p", "gender": "female"}
    (fact,) = chart_of(patient, [{"resourceType": "Condition", "id": "c", "code": {"text": "Asthma"}}]).facts
    candidates = [Candidate("past problems", fact, (0, 0)), Candidate("guidance facts", fact, (9, 0), need=(1, 0))]
    (taken,) = pack(candidates, 1_000, "Patient/p").taken
    assert (taken.tool, taken.item.reference, taken.why) == ("past problems", "Condition/c", "needed")


def test_a_fact_of_which_nothing_can_be_quoted_is_neither_in_nor_left_out() -> None:
    (fact,) = chart_of({"resourceType": "Patient", "id": "p"}, [{"resourceType": "Goal", "id": "g"}]).facts
    packed = pack([Candidate("goals", fact, (0, 0), need=(0, 0))], 1_000, "Patient/p")
    assert (packed.taken, packed.left, packed.set_aside) == ((), (), 0)


def test_each_item_says_why_it_is_in() -> None:
    candidate = Candidate("results", said("aa"), (0, 0), (("read by policies: egfr", 3.0), ("recent", 1.2)), need=(0, 0))
    assert pack([candidate], 1_000, "Patient/p").taken[0].why == "needed; read by policies: egfr 3.0, recent 1.2"


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(InputRefused):
        pack([], -1, "Patient/p")


def test_another_counter_decides_what_fits() -> None:
    assert len(pack([offered("aa"), offered("bb", place=1)], 10, "Patient/p", count=lambda text: 5).items) == 2


candidate_lists = st.lists(
    st.tuples(
        st.floats(0, 9), st.integers(10, 80), st.integers(0, 600), st.one_of(st.none(), st.tuples(st.integers(0, 3), st.integers(0, 3)))
    ),
    max_size=30,
)


@given(drawn=candidate_lists, budget=st.integers(0, 3_000), more=st.integers(0, 3_000), seed=st.integers(0, 99))
def test_never_over_the_same_in_any_order_and_a_larger_budget_loses_nothing(
    drawn: list[tuple[float, int, int, tuple[int, int] | None]], budget: int, more: int, seed: int
) -> None:
    candidates = [offered(f"n{n}", score, n, words, size=size, need=need) for n, (score, size, words, need) in enumerate(drawn)]
    packed = pack(candidates, budget, "Patient/p")
    assert sum(cost(item, estimated) for item in packed.items) == packed.used <= budget
    assert pack(random.Random(seed).sample(candidates, len(candidates)), budget, "Patient/p") == packed
    assert set(packed.items) <= set(pack(candidates, budget + more, "Patient/p").items)
    assert len(packed.items) + sum(left.dropped for left in packed.left) + packed.set_aside == len(candidates)
