"""Drafts that stand by themselves in an EHR, and how they are found again."""

from __future__ import annotations

from typing import Any

import pytest

from fhir import drafts
from fhir.models import validate
from fhir.written import Inputs, aimed, authorship, condition_of, search_for, stand_alone

CONTEXT = drafts.DraftContext("r-1", "Patient/p1", "2026-11-20T09:00:00Z", "0.1.0")
URN = CONTEXT.urn("written-C1")
ISSUE = drafts.detected_issue(CONTEXT, "C1", "detail", severity="high", evidence=["Observation/o1"])
MADE: dict[str, dict[str, Any]] = {
    "composition": stand_alone(CONTEXT, "written-C1", drafts.composition(CONTEXT, "Review", [("Consider", ["one sentence"])])),
    "issue": stand_alone(
        CONTEXT, "written-C1", drafts.detected_issue(CONTEXT, "C1", "detail", severity="high", evidence=["Observation/o1"])
    ),
    "risk": stand_alone(CONTEXT, "written-C1", drafts.risk_assessment(CONTEXT, "pleural_effusion", 0.9, side=None, basis=[])),
    "provenance": authorship(CONTEXT, "written-C1", Inputs([("Observation/o1", "3")]), "Practitioner/d1", "2026-11-20T09:00:00Z"),
    "provenance of nothing": authorship(CONTEXT, "written-C1", Inputs([]), "Practitioner/d1", "2026-11-20T09:00:00Z"),
}


@pytest.mark.std("E7")
@pytest.mark.parametrize("resource", MADE.values(), ids=MADE)
def test_each_is_valid_labelled_and_holds_its_device(resource: dict[str, Any]) -> None:
    assert validate(resource["resourceType"], resource) == ()
    assert resource["meta"]["security"] == [drafts.AI_LABEL]
    assert [one["resourceType"] for one in resource["contained"]] == ["Device"]
    assert CONTEXT.urn("device") not in str(resource)


@pytest.mark.std("E4")
@pytest.mark.parametrize("name", ["composition", "issue", "risk"])
def test_it_is_found_by_its_identifier(name: str) -> None:
    assert condition_of(MADE[name]) == (("identifier", f"urn:ietf:rfc:3986|{URN}"),)


@pytest.mark.std("E8")
def test_a_provenance_speaks_of_the_version_that_was_written_and_is_found_by_target_and_instant() -> None:
    provenance = aimed(MADE["provenance"], "DetectedIssue/1", "2")
    assert provenance["target"] == [{"reference": "DetectedIssue/1/_history/2"}]
    assert condition_of(provenance) == (("target", "DetectedIssue/1"), ("recorded", "2026-11-20T09:00:00Z"))
    assert search_for(provenance) == (("recorded", "2026-11-20T09:00:00Z"),)
    assert search_for(MADE["issue"]) == condition_of(MADE["issue"])
    assert aimed(MADE["provenance"], "DetectedIssue/1", None)["target"] == [{"reference": "DetectedIssue/1"}]
    assert MADE["provenance"]["target"] == [{"reference": URN}], "what was made is left as it was"


def test_two_parts_and_two_reviews_are_two_resources() -> None:
    draft = drafts.detected_issue(CONTEXT, "C1", "detail", severity="high", evidence=[])
    other = drafts.DraftContext("r-2", "Patient/p1", "2026-11-20T09:00:00Z", "0.1.0")
    made = [stand_alone(CONTEXT, "written-C1", draft), stand_alone(CONTEXT, "written-C2", draft), stand_alone(other, "written-C1", draft)]
    assert len({condition_of(one) for one in made}) == 3
