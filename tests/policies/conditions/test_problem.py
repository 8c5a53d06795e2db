"""Problems: active, over, suspected, recent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir.views import HL7_STATUS
from policies.conditions import Answer

Ask = Callable[..., Answer]
AKI = {"condition": {"value_set": "aki"}}
SUSPECTED = {"condition": {"value_set": "aki", "suspected": True}}
RECENT = {"condition": {"value_set": "aki", "within_days": 7}}


def aki(clinical: str | None = "active", verification: str | None = None, **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"resourceType": "Condition", "code": {"text": "AKI"}, **fields}
    body |= {"clinicalStatus": {"coding": [{"code": clinical}]}} if clinical else {}
    return body | ({"verificationStatus": {"coding": [{"code": verification}]}} if verification else {})


@pytest.mark.parametrize(
    ("resource", "sure", "suspected"),
    [
        (aki(), True, True),
        (aki("recurrence", "confirmed"), True, True),
        (aki("relapse"), True, True),
        (aki(None), None, None),
        (aki("resolved"), False, False),
        (aki("inactive"), False, False),
        (aki("remission"), False, False),
        (aki(None, abatementDateTime="2026-11-01"), False, False),
        (aki(None, abatementBoolean=False), None, None),
        (aki("active", abatementDateTime="2026-11-01"), True, True),
        (aki("active", "provisional"), None, True),
        (aki("active", "differential"), None, True),
        (aki("active", "refuted"), False, False),
        (aki("active", "entered-in-error"), False, False),
        (aki(recordedDate="2027-01-01"), False, False),
        (aki(code={"text": "Asthma"}), False, False),
    ],
)
def test_a_problem_is_active_over_or_open(ask: Ask, resource: dict[str, Any], sure: bool | None, suspected: bool | None) -> None:
    assert ask(AKI, resource).value is sure
    assert ask(SUSPECTED, resource).value is suspected


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"onsetDateTime": "2026-11-20"}, True),
        ({"onsetDateTime": "2026-10-20"}, False),
        ({"onsetDateTime": "2026-11"}, None),
        ({"recordedDate": "2026-11-20"}, True),
        ({"onsetPeriod": {"start": "2026-11-20"}}, True),
        ({}, None),
    ],
)
def test_with_a_window_it_must_have_begun_or_been_recorded_in_it(ask: Ask, fields: dict[str, Any], value: bool | None) -> None:
    assert ask(RECENT, aki(**fields)).value is value


@pytest.mark.fault(7)
def test_an_empty_problem_list_and_none_at_all_differ(ask: Ask) -> None:
    assert ask(AKI).value is False
    assert ask(AKI, pulled={"Condition": "refused"}).value is None
    assert ask(AKI, aki("resolved"), pulled={"Condition": "truncated"}).value is None
    assert ask(AKI, aki(), pulled={"Condition": "truncated"}).value is True


def test_the_basis_says_what_the_record_says_of_it(ask: Ask) -> None:
    assert ask(AKI, aki("active", "provisional", onsetDateTime="2026-11-20")).basis[0].detail == "aki, active, provisional on 2026-11-20"
    assert ask(AKI, aki(None)).basis[0].detail == "aki, no clinical status"


@pytest.mark.parametrize(
    "verification",
    [
        {"coding": [{"system": "urn:ward", "code": "R"}, {"system": f"{HL7_STATUS}condition-ver-status", "code": "refuted"}]},
        {"text": "Refuted"},
        {"text": "Entered in error"},
    ],
    ids=["beside a local code", "in words", "withdrawn in words"],
)
def test_a_refutation_holds_however_it_is_written(ask: Ask, verification: dict[str, object]) -> None:
    aki = {"resourceType": "Condition", "clinicalStatus": {"coding": [{"code": "active"}]}, "code": {"text": "Acute kidney injury"}}
    assert ask({"condition": {"value_set": "aki"}}, aki).value is True
    assert ask({"condition": {"value_set": "aki"}}, {**aki, "verificationStatus": verification}).value is False
