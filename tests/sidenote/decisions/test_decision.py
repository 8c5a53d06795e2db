"""A decision as data: what it is on, its digest, and what is not printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sidenote.decisions.decision import Decision, Draft, Key, Taken

Decide = Callable[..., Decision]
CHANGES: list[dict[str, Any]] = [
    {"ehr": "other"},
    {"review_id": "r-2"},
    {"claim": "C2"},
    {"action": "edit"},
    {"text": "Something else."},
    {"reason": "No."},
    {"by": "Practitioner/d2"},
    {"shown_sha256": "c" * 64},
]


def test_a_decision_is_on_one_claim_of_one_review_of_one_ehr(decide: Decide) -> None:
    assert decide().key == Key("general", "r-1", "C1")


@pytest.mark.parametrize("change", [*CHANGES, {"at": "2026-11-20T09:00:01Z"}, {"session": "s-2"}, {"record": "d" * 64}])
def test_the_digest_changes_with_everything_it_says(decide: Decide, change: dict[str, Any]) -> None:
    assert decide(**change).digest != decide().digest
    assert decide().digest == decide().digest


@pytest.mark.parametrize("change", CHANGES)
def test_another_word_is_not_the_same_word(decide: Decide, change: dict[str, Any]) -> None:
    assert not decide().says(decide(**change))


def test_the_same_word_said_later_or_in_another_session_is_the_same(decide: Decide) -> None:
    assert decide().says(decide(at="2026-11-20T10:00:00Z", session="s-2"))


@pytest.mark.fault(110)
def test_what_is_printed_holds_no_words_of_the_record_and_no_person(decide: Decide) -> None:
    said = decide(text="CANARY", reason="CANARY", by="Practitioner/CANARY")
    assert "CANARY" not in repr(Taken(said, "written", ("DetectedIssue/CANARY",)))
    assert "CANARY" not in repr(Draft("p1", "CANARY", "CANARY"))
