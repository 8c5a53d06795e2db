"""What a composer returns is checked for its form before anything looks at what it says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agent.errors import DraftRefused
from agent.nodes.draft import MOST_CLAIMS, draft
from fhir.chart import chart_of
from policies.case import PolicyCase
from policies.claim import Claim

CASE = PolicyCase(chart_of({"resourceType": "Patient", "id": "p"}, []), datetime(2026, 11, 23, tzinfo=UTC))


def claim(number: int) -> Claim:
    return Claim(id=f"C{number}", text="Ann Example has a left pneumothorax.", kind="finding", evidence=("E1",))


def many(count: int) -> tuple[Claim, ...]:
    return tuple(claim(number) for number in range(1, count + 1))


@pytest.mark.parametrize("count", [0, 1, MOST_CLAIMS])
def test_hands_on_what_the_composer_returned_as_it_is(count: int) -> None:
    assert draft(CASE, (), (), lambda case, evidence, topics: many(count)) == many(count)


def test_the_composer_is_given_the_case_the_evidence_and_the_topics() -> None:
    given: list[Any] = []
    draft(CASE, (), (), lambda *all_of_it: given.extend(all_of_it) or ())
    assert given == [CASE, (), ()]


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ([claim(1)], "something other than claims"),
        (None, "something other than claims"),
        ("C1", "something other than claims"),
        ((claim(1), "C2"), "something other than claims"),
        ((claim(1).model_dump(),), "something other than claims"),
        ((claim(1), claim(2), claim(1)), "one id"),
        (many(MOST_CLAIMS + 1), "more than 60"),
    ],
    ids=["a list", "nothing", "text", "text among claims", "a dict", "an id twice", "too many"],
)
def test_refuses_what_is_no_list_of_claims_and_quotes_none_of_it(returned: Any, reason: str) -> None:
    with pytest.raises(DraftRefused, match=reason) as refused:
        draft(CASE, (), (), lambda case, evidence, topics: returned)
    assert "Ann" not in str(refused.value)
