"""Rows of the audit: what they hold, that they come back as they were stored, and what they never hold."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.blobs import canonical
from sidenote.audit.events import (
    LONGEST,
    NOBODY,
    Entity,
    Row,
    Who,
    asked,
    decided,
    denied,
    ended,
    exchanged,
    launch_denied,
    launched,
    row_of,
    shown,
    wrote,
)

WHO = Who("pretend", "Practitioner/dr-sandbox", "heart-failure", "s-1")


@pytest.mark.std("E8")
@pytest.mark.parametrize(
    ("row", "event", "action", "outcome", "code"),
    [
        (launched(WHO), "launch", "E", "0", ""),
        (launch_denied("pretend", "access_denied"), "launch_denied", "E", "4", "access_denied"),
        (exchanged(WHO, "R", "read", 200, ()), "exchange", "R", "0", "http_200"),
        (exchanged(WHO, "R", "read", 304, ()), "exchange", "R", "0", "http_304"),
        (exchanged(WHO, "E", "search-type", 403, ()), "exchange", "E", "4", "http_403"),
        (exchanged(WHO, "E", "search-type", 503, ()), "exchange", "E", "8", "http_503"),
        (exchanged(WHO, "C", "create", None, ()), "exchange", "C", "8", "no_answer"),
        (shown(WHO, "r1", "a" * 64), "shown", "R", "0", ""),
        (asked(WHO, "r1"), "asked", "E", "0", ""),
        (denied(WHO, "/api/reviews/{id}", "not_found"), "denied", "E", "4", "not_found"),
        (decided(WHO, "r1", "C2", "approve"), "decided", "E", "0", "approve"),
        (wrote(WHO, ("Observation/1",), "written"), "wrote", "C", "0", "written"),
        (wrote(WHO, (), "fhir_unreachable"), "wrote", "C", "8", "fhir_unreachable"),
        (ended(WHO, "expired"), "ended", "E", "0", "expired"),
    ],
)
def test_an_event_has_its_action_its_outcome_and_a_code(row: Row, event: str, action: str, outcome: str, code: str) -> None:
    assert (row.event, row.action, row.outcome, row.code) == (event, action, outcome, code)
    assert row_of(json.loads(canonical(row.fields()))) == row


def test_a_denial_without_a_session_is_nobodys() -> None:
    assert denied(None, "/api/reviews", "session_over").who == NOBODY


URGENT = replace(WHO, emergency=True)


@pytest.mark.fault(109)
def test_an_emergency_stands_in_the_row_and_the_usual_row_has_no_word_of_one() -> None:
    usual, urgent = shown(WHO, "r1", "a" * 64).fields(), shown(URGENT, "r1", "a" * 64).fields()
    assert usual["who"] == {"ehr": "pretend", "user": "Practitioner/dr-sandbox", "patient": "heart-failure", "session": "s-1"}
    assert urgent["who"] == {**usual["who"], "emergency": True}


@pytest.mark.fault(109)
def test_the_row_of_a_launch_says_in_so_many_words_that_the_glass_was_broken() -> None:
    row = launched(URGENT)
    assert (row.event, row.outcome, row.code, row.who.emergency) == ("launch", "0", "break_glass", True)
    assert row_of(json.loads(canonical(row.fields()))) == row


@pytest.mark.parametrize("text", ["Something went wrong for Smith", "", "A", "a" * 65, "a/b", "a\n"])
def test_what_is_no_code_never_stands_where_codes_stand(text: str) -> None:
    assert launch_denied("pretend", text).code == "unnamed"


def test_who_shows_neither_user_nor_patient() -> None:
    assert repr(WHO) == "Who(ehr='pretend', session='s-1')"


@given(st.text(st.characters(codec=None), max_size=30), st.text(max_size=30))
def test_any_text_can_be_stored(user: str, search: str) -> None:
    row = exchanged(Who("e", user, "p", "s"), "E", "search-type", 200, (Entity("query", search, "name"),))
    stored = json.loads(canonical(row.fields()))
    assert row_of(stored).fields() == stored


def test_a_text_without_end_is_kept_up_to_a_length() -> None:
    row = exchanged(WHO, "E", "search-type", 200, (Entity("query", "x" * (LONGEST + 1)),))
    assert row.fields()["entities"][0]["value"] == "x" * LONGEST
