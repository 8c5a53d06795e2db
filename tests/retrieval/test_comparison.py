"""What a past case shares with the present one and how it differs, in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import CaseCard, CaseFinding, Query, SourceCase
from retrieval.comparison import differs, shared

BOTH = {("nodule", "left"), ("nodule", "right")}
KEYS = st.frozensets(st.sampled_from(["nodule", "pneumothorax", "pleural_effusion", "pulmonary_edema"]))


def query(**fields: Any) -> Query:
    return Query(image=None, text=None, as_of=date(2030, 1, 1), **fields)


@pytest.fixture(scope="module")
def card(make_case: Callable[..., SourceCase]) -> Callable[..., CaseCard]:
    """A case of findings given as "key" or "key left", PA view, 60-69, male, unless said otherwise."""

    def made(*findings: str, **fields: Any) -> CaseCard:
        pairs = tuple(CaseFinding(*finding.split()) for finding in findings)  # type: ignore[arg-type] # the side of a literal
        return make_case(0, findings=pairs, **fields).card

    return made


@pytest.mark.parametrize(
    ("findings", "asked", "words"),
    [
        (["nodule left"], {"findings": {"nodule"}, "sides": {("nodule", "left")}}, ("nodule (left)",)),
        (["nodule left"], {"findings": {"nodule"}, "sides": {("nodule", "right")}}, ("nodule",)),
        (["nodule left", "nodule right"], {"findings": {"nodule"}, "sides": BOTH}, ("nodule (left and right)",)),
        (["nodule"], {"findings": {"nodule"}}, ("nodule",)),
        (["pulmonary_edema"], {"findings": {"pulmonary_edema", "nodule"}}, ("pulmonary oedema",)),
        ([], {"findings": set()}, ("no finding in either",)),
        ([], {"findings": {"nodule"}}, ()),
        ([], {"findings": {"nodule"}, "view": "PA", "age_band": "60-69", "sex": "male"}, ("PA view", "age 60-69", "male")),
        ([], {"findings": {"nodule"}, "view": "AP", "age_band": "70-79", "sex": "female"}, ()),
    ],
)
def test_names_what_both_have(card: Callable[..., CaseCard], findings: list[str], asked: Any, words: tuple[str, ...]) -> None:
    assert shared(card(*findings), query(**asked)) == words


@pytest.mark.parametrize(
    ("findings", "asked", "words"),
    [
        (["nodule"], {"findings": {"nodule"}}, ()),
        (["nodule"], {}, ("only in the past case: nodule",)),
        ([], {"findings": {"pulmonary_edema"}}, ("only in the present case: pulmonary oedema",)),
        (["nodule left"], {"findings": {"nodule"}, "sides": {("nodule", "right")}}, ("nodule: left there, right here",)),
        (["nodule"], {"findings": {"nodule"}, "sides": {("nodule", "right")}}, ()),
        (["nodule left"], {"findings": {"nodule"}}, ()),
        ([], {"view": "AP"}, ("view: PA there, AP here",)),
        ([], {"age_band": "70-79", "sex": "female"}, ("age: 60-69 there, 70-79 here", "sex: male there, female here")),
        ([], {"age_band": "unknown", "sex": "unknown"}, ()),
    ],
)
def test_names_what_only_one_has(card: Callable[..., CaseCard], findings: list[str], asked: Any, words: tuple[str, ...]) -> None:
    assert differs(card(*findings), query(**asked)) == words


def test_what_is_unknown_of_the_past_case_neither_shares_nor_differs(card: Callable[..., CaseCard]) -> None:
    past = card("nodule", age_band="unknown", sex="unknown")
    for known in ("unknown", "male"):
        asked = query(findings={"nodule"}, age_band=known, sex=known)
        assert (shared(past, asked), differs(past, asked)) == (("nodule",), ())


@given(KEYS, KEYS)
def test_every_finding_of_either_is_named_once(card: Callable[..., CaseCard], past: frozenset[str], present: frozenset[str]) -> None:
    one, asked = card(*sorted(past)), query(findings=present)
    words = [word for word in shared(one, asked) if word != "no finding in either"]
    assert len(words) == len(past & present)
    assert len(differs(one, asked)) == len(past ^ present)
