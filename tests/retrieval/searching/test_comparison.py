"""What a past case shares with the present one and how it differs, in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.cards import CaseCard, CaseFinding, Present, Query, SourceCase
from retrieval.searching.comparison import differs, shared

BOTH = {("nodule", "left"), ("nodule", "right")}
KEYS = st.frozensets(st.sampled_from(["nodule", "pneumothorax", "pleural_effusion", "hiatal_hernia"]))
PLACE = {"locations": {("nodule", "upper lobe")}}


def query(**fields: Any) -> Query:
    """A query of a present case that has `fields`, a fluoroscopy unless said otherwise."""
    return Query(image=None, text=None, as_of=date(2030, 1, 1), present=Present(**({"modality": "RF"} | fields)))


@pytest.fixture(scope="module")
def card(make_case: Callable[..., SourceCase]) -> Callable[..., CaseCard]:
    """A fluoroscopy of findings given as "key", "key left" or "key left upper_lobe", PA view, 60-69, male, unless said otherwise."""

    def made(*findings: str, **fields: Any) -> CaseCard:
        stated = tuple(finding(*one.split()) for one in findings)
        return make_case(0, findings=stated, **({"modality": "RF", "view": "PA", "age_band": "60-69", "sex": "male"} | fields)).card

    return made


def finding(key: str, side: str = "-", place: str = "") -> CaseFinding:
    return CaseFinding(key, None if side == "-" else side, place.replace("_", " ") or None)  # type: ignore[arg-type] # a literal's side


@pytest.mark.parametrize(
    ("findings", "asked", "words"),
    [
        (["nodule left"], {"findings": {"nodule"}, "sides": {("nodule", "left")}}, ("left pulmonary nodule",)),
        (["nodule left"], {"findings": {"nodule"}, "sides": {("nodule", "right")}}, ("pulmonary nodule",)),
        (["nodule left"], {"findings": {"nodule"}}, ("pulmonary nodule",)),
        (["nodule left", "nodule right"], {"findings": {"nodule"}, "sides": BOTH}, ("bilateral pulmonary nodule",)),
        (["nodule bilateral"], {"findings": {"nodule"}, "sides": BOTH}, ("bilateral pulmonary nodule",)),
        (["nodule - upper_lobe"], {"findings": {"nodule"}, **PLACE}, ("pulmonary nodule (upper lobe)",)),
        (["nodule left upper_lobe", "nodule left base"], {"findings": {"nodule"}, **PLACE}, ("pulmonary nodule (upper lobe)",)),
        (["nodule - base"], {"findings": {"nodule"}, **PLACE}, ("pulmonary nodule",)),
        (["pulmonary_edema"], {"findings": {"pulmonary_edema", "nodule"}}, ("pulmonary oedema",)),
        (["surgical_clips"], {"findings": {"surgical_clips"}}, ("surgical clips",)),
        ([], {"findings": set()}, ("no finding in either",)),
        ([], {"findings": {"nodule"}}, ()),
        ([], {"findings": {"nodule"}, "view": "PA", "age_band": "60-69", "sex": "male"}, ("PA view", "age 60-69", "male")),
        ([], {"findings": {"nodule"}, "view": "AP", "age_band": "70-79", "sex": "female"}, ()),
    ],
)
def test_names_what_both_have(card: Callable[..., CaseCard], findings: list[str], asked: Any, words: tuple[str, ...]) -> None:
    assert tuple(word for word in shared(card(*findings), query(**asked)) if word != "RF") == words


@pytest.mark.parametrize(
    ("findings", "asked", "words"),
    [
        (["nodule"], {"findings": {"nodule"}}, ()),
        (["nodule"], {}, ("pulmonary nodule only in the past case",)),
        ([], {"findings": {"pulmonary_edema"}}, ("pulmonary oedema only in the present case",)),
        (["nodule left"], {"findings": {"nodule"}, "sides": {("nodule", "right")}}, ("pulmonary nodule: left there, right here",)),
        (["nodule left"], {"findings": {"nodule"}, "sides": BOTH}, ("pulmonary nodule: left there, bilateral here",)),
        (["nodule"], {"findings": {"nodule"}, "sides": {("nodule", "right")}}, ()),
        (["nodule left"], {"findings": {"nodule"}}, ()),
        (["nodule - base"], {"findings": {"nodule"}, **PLACE}, ("pulmonary nodule: base there, upper lobe here",)),
        (["nodule - base", "nodule - upper_lobe"], {"findings": {"nodule"}, **PLACE}, ()),
        ([], {"view": "AP"}, ("view: PA there, AP here",)),
        ([], {"modality": "DX"}, ("modality: RF there, DX here",)),
        ([], {"age_band": "70-79", "sex": "female"}, ("age: 60-69 there, 70-79 here", "sex: male there, female here")),
        ([], {"age_band": "unknown", "sex": "unknown"}, ()),
    ],
)
def test_names_what_only_one_has(card: Callable[..., CaseCard], findings: list[str], asked: Any, words: tuple[str, ...]) -> None:
    assert differs(card(*findings), query(**asked)) == words


@pytest.mark.parametrize(("past", "now"), [("CR", "DX"), ("DX", "CR"), ("DR", "RG"), ("DX", "DX")])
def test_radiographs_are_one_kind_whatever_their_detector_writes(card: Callable[..., CaseCard], past: str, now: str) -> None:
    one, asked = card(modality=past), query(modality=now)
    assert (shared(one, asked), differs(one, asked)) == (("no finding in either", "radiograph"), ())


@pytest.mark.parametrize("known", ["unknown", "male"])
def test_what_is_unknown_of_the_past_case_neither_shares_nor_differs(card: Callable[..., CaseCard], known: str) -> None:
    past = card("nodule", view="UNKNOWN", age_band="unknown", sex="unknown")
    asked = query(findings={"nodule"}, view="AP", age_band=known, sex=known)
    assert (shared(past, asked), differs(past, asked)) == (("pulmonary nodule", "RF"), ())


def test_where_nothing_is_known_of_the_present_case_nothing_is_compared(card: Callable[..., CaseCard]) -> None:
    blank = Query(image=None, text=None, as_of=date(2030, 1, 1))
    assert [(shared(one, blank), differs(one, blank)) for one in (card(), card("nodule left"))] == [((), ())] * 2


@given(KEYS, KEYS)
def test_every_finding_of_either_is_named_once(card: Callable[..., CaseCard], past: frozenset[str], present: frozenset[str]) -> None:
    one, asked = card(*sorted(past)), query(findings=present)
    assert len([word for word in shared(one, asked) if word not in ("no finding in either", "RF")]) == len(past & present)
    assert len(differs(one, asked)) == len(past ^ present)


def test_a_finding_in_doubt_is_not_said_to_be_of_the_past_case_alone(card: Callable[..., CaseCard]) -> None:
    past, now = card("nodule", "pneumothorax"), query(findings=frozenset({"pneumothorax"}), doubted=frozenset({"nodule"}))
    assert "pulmonary nodule in doubt in the present case" in differs(past, now)
    assert not any("only in the past case" in words for words in differs(past, now))
    assert "no finding in either" not in shared(card(), query(doubted=frozenset({"nodule"})))
