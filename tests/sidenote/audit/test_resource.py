"""Each row is a valid R4 AuditEvent that says who, what, whose and how it ended (STANDARDS E8)."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from fhir.models import validate
from sidenote.audit.events import (
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
    shown,
    wrote,
)
from sidenote.audit.resource import TYPES, as_resource

WHO = Who("pretend", "Practitioner/dr-sandbox", "heart-failure", "s-1")
SEARCH = Entity("query", "patient=heart-failure&_count=200", "_count patient")
ROWS = (
    launched(WHO),
    launched(Who("pretend", "", "heart-failure", "s-2")),
    launch_denied("", "issuer_unknown"),
    exchanged(WHO, "E", "search-type", 200, (Entity("resource", "Observation", "Observation"), SEARCH)),
    exchanged(WHO, "R", "read", 403, (Entity("resource", "Patient/heart-failure", "Patient"),)),
    exchanged(WHO, "E", "qido-rs", None, (SEARCH,)),
    exchanged(Who("pretend", "https://ehr.example/Practitioner/1", "not an id!", "s-3"), "E", "operation", 500, ()),
    shown(WHO, "r1", "a" * 64),
    asked(WHO, "r1"),
    denied(WHO, "/api/reviews/{id}", "not_found"),
    denied(None, "/api/reviews/{id}", "session_over"),
    decided(WHO, "r1", "C2", "reject"),
    wrote(WHO, ("Observation/1", "Provenance/2"), "written"),
    wrote(WHO, (), "version_conflict"),
    ended(WHO, "signed_out"),
)


@pytest.mark.std("E8")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.event} {row.code}")
def test_a_row_is_a_valid_audit_event_with_a_user_and_our_software(row: Row) -> None:
    made = as_resource(row, "a" * 64)
    assert validate("AuditEvent", made) == ()
    user, software = made["agent"]
    assert (user["requestor"], software["requestor"], software["who"]["display"]) == (True, False, "Sidenote")
    assert (made["action"], made["outcome"], made["recorded"]) == (row.action, row.outcome, row.recorded)
    assert made["source"]["observer"]["display"] == "Sidenote"


def test_every_event_has_a_type() -> None:
    assert {row.event for row in ROWS} == set(TYPES)


@pytest.mark.std("E8")
def test_a_search_names_type_interaction_patient_and_what_was_asked() -> None:
    made = as_resource(ROWS[3])
    assert made["type"]["code"] == "rest"
    assert made["subtype"][1] == {"system": "http://hl7.org/fhir/restful-interaction", "code": "search-type"}
    patient, resource, query = made["entity"]
    assert (patient["what"]["reference"], resource["name"]) == ("Patient/heart-failure", "Observation")
    assert base64.b64decode(query["query"]).decode() == SEARCH.value
    assert query["description"] == "_count patient"


@pytest.mark.std("E8")
def test_a_review_that_was_shown_is_named_by_its_bytes() -> None:
    _, report = as_resource(shown(WHO, "r1", "a" * 64))["entity"]
    assert report["detail"] == [{"type": "sha256", "valueString": "a" * 64}]
    assert report["what"]["identifier"] == {"system": "urn:sidenote:audit:report", "value": "r1"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.event} {row.code}")
def test_no_entity_has_both_a_name_and_a_query(row: Row) -> None:
    """Invariant sev-1 of R4 AuditEvent, which the models do not check."""
    assert not [one for one in as_resource(row).get("entity", ()) if "name" in one and "query" in one]


def _empties(value: Any) -> bool:
    if isinstance(value, dict):
        return value == {} or any(map(_empties, value.values()))
    return value is None or value == [] or (isinstance(value, list) and any(map(_empties, value)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.event} {row.code}")
def test_nothing_is_empty(row: Row) -> None:
    assert not _empties(as_resource(row))


def test_refusals_that_were_only_counted_are_told_as_a_number() -> None:
    assert as_resource(denied(None, "/api/reviews", "session_over"))["outcomeDesc"] == "session_over"
    assert as_resource(replace(denied(None, "/api/reviews", "session_over"), more=41))["outcomeDesc"] == "session_over and 41 more"


BREAK_GLASS = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "BTG", "display": "break the glass"}


@pytest.mark.fault(109)
@pytest.mark.parametrize("row", [row for row in ROWS if row.who.session], ids=lambda row: f"{row.event} {row.code}")
def test_every_event_of_an_emergency_says_so_and_says_nothing_else_otherwise(row: Row) -> None:
    urgent = as_resource(replace(row, who=replace(row.who, emergency=True)), "a" * 64)
    assert validate("AuditEvent", urgent) == ()
    assert urgent.pop("purposeOfEvent") == [{"coding": [BREAK_GLASS]}]
    assert urgent == as_resource(row, "a" * 64)
