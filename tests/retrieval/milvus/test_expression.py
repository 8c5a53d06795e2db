"""Rules and filters as expressions: numbers and names of fields, whatever is asked."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import Filter, Query
from retrieval.errors import QueryRefused
from retrieval.milvus.expression import Rule, rules
from retrieval.milvus.layout import CODED

VALUES = {name: ("a", "b", "c") for name in CODED}
KEY, OTHER = "0" * 15 + "2" + "f" * 16, "0" * 15 + "6" + "f" * 16
NOTHING = Query(image=None, text=None, as_of=date(2020, 1, 1))
HARMLESS = re.compile(
    r"(?:(?:not|and|or|in|as_of|row|person|linked|study|report|array_contains_any|modality|body_part|view|age_band|sex|site|licence)\b|[\d\s()\[\],<>=])*"
)
words = st.one_of(st.text(), st.sampled_from(["a", "b", '"', "a' or 1==1", "row >= 0"]))
sets = st.none() | st.frozensets(words, max_size=4)


def test_without_rules_only_the_day_is_asked_for() -> None:
    assert rules(NOTHING, VALUES, linked=True).allowed == "not (as_of > 737425)"


def test_every_rule_has_its_part() -> None:
    query = Query(
        image=None, text=None, as_of=date(2020, 1, 1), persons=frozenset({OTHER, KEY}), studies=frozenset({KEY}), report_hash=OTHER,
        only=Filter(modalities=frozenset({"c", "a"}), sites=frozenset({"x"}), since=date(2019, 1, 1)),
    )  # fmt: skip
    made = rules(query, VALUES, linked=True)
    assert [(rule.reason, rule.expression) for rule in made.leaks] == [
        ("same person", "person in [1, 3] or array_contains_any(linked, [1, 3])"),
        ("same study", "study in [1]"),
        ("equal report", "report in [3]"),
    ]
    assert [(rule.reason, rule.expression) for rule in made.filters] == [
        ("other modality", "modality not in [0, 2]"),
        ("other site", "row >= 0"),
        ("earlier date", "as_of < 737060"),
    ]
    assert rules(query, VALUES, linked=False).leaks[0].expression == "person in [1, 3]"
    assert made.leaking == "(person in [1, 3] or array_contains_any(linked, [1, 3])) or (study in [1]) or (report in [3])"
    assert made.fields == ["as_of", "linked", "modality", "person", "report", "site", "study"]
    assert made.allowed.startswith("not (as_of > 737425) and not (person")


@given(modalities=sets, body_parts=sets, views=sets, age_bands=sets, sexes=sets, sites=sets, licences=sets)
def test_no_word_of_a_filter_gets_into_an_expression(**wanted: frozenset[str] | None) -> None:
    made = rules(Query(image=None, text=None, as_of=date.max, only=Filter(**wanted)), VALUES, linked=True)
    assert HARMLESS.fullmatch(made.allowed)


@given(st.text())
def test_a_key_is_hexadecimal_or_refused(key: str) -> None:
    for fields in ({"persons": frozenset({key})}, {"studies": frozenset({key})}, {"report_hash": key}):
        with pytest.raises(QueryRefused):
            rules(Query(image=None, text=None, as_of=date.max, **fields), VALUES, linked=True)


@pytest.mark.parametrize(
    ("rule", "row", "hit"),
    [
        (Rule("", "person", "in", (1, 3)), {"person": 3, "linked": []}, True),
        (Rule("", "person", "in", (1, 3)), {"person": 2, "linked": [3]}, False),
        (Rule("", "person", "in", (1, 3), linked=True), {"person": 2, "linked": [9, 3]}, True),
        (Rule("", "person", "in", (1, 3), linked=True), {"person": 2, "linked": []}, False),
        (Rule("", "site", "not in", (0,)), {"site": 0}, False),
        (Rule("", "site", "not in", (0,)), {"site": 1}, True),
        (Rule("", "site", "not in", ()), {"site": 1}, True),
        (Rule("", "as_of", ">", (7,)), {"as_of": 7}, False),
        (Rule("", "as_of", ">", (7,)), {"as_of": 8}, True),
        (Rule("", "as_of", "<", (7,)), {"as_of": 7}, False),
        (Rule("", "as_of", "<", (7,)), {"as_of": 6}, True),
    ],
)
def test_a_row_at_hand_is_left_out_as_milvus_would(rule: Rule, row: dict[str, Any], hit: bool) -> None:
    assert rule.hits(row) is hit
