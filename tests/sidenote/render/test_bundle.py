"""The FHIR rendering: preliminary, labelled, traceable, and valid."""

from __future__ import annotations

import json

import pytest

from agent.review import Review
from fhir.models import validate
from sidenote.render.bundle import as_bundle

AIAST = ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "AIAST")


@pytest.mark.std("F1")
def test_every_resource_is_valid_and_labelled(review: Review) -> None:
    bundle = as_bundle(review)
    assert validate("Bundle", bundle) == ()
    for entry in bundle["entry"]:
        (label,) = entry["resource"]["meta"]["security"]
        assert (label["system"], label["code"]) == AIAST


@pytest.mark.std("E7")
def test_nothing_is_final_and_nothing_is_an_order(review: Review) -> None:
    resources = [entry["resource"] for entry in as_bundle(review)["entry"]]
    assert {resource["resourceType"] for resource in resources} == {
        "Device",
        "Composition",
        "DetectedIssue",
        "RiskAssessment",
        "Provenance",
    }
    assert {resource["status"] for resource in resources if resource["resourceType"] not in ("Device", "Provenance")} == {"preliminary"}


@pytest.mark.std("E8")
def test_provenance_names_every_draft_and_every_fact(review: Review) -> None:
    bundle = as_bundle(review)
    (provenance,) = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Provenance"]
    targets = {target["reference"] for target in provenance["target"]}
    drafts = {
        entry["fullUrl"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] in ("Composition", "DetectedIssue", "RiskAssessment")
    }
    assert targets == drafts
    assert {entity["what"]["reference"] for entity in provenance["entity"]} == {"DiagnosticReport/d1/_history/3", "Observation/o1"}


def test_rendering_twice_is_the_same(review: Review) -> None:
    assert json.dumps(as_bundle(review)) == json.dumps(as_bundle(review))


def test_markup_of_the_record_is_escaped_in_the_narrative(review: Review) -> None:
    assert "<script>" not in json.dumps(as_bundle(review))


def test_a_withheld_review_carries_no_finding(withheld: Review) -> None:
    resources = [entry["resource"]["resourceType"] for entry in as_bundle(withheld)["entry"]]
    assert "RiskAssessment" not in resources
    assert "DetectedIssue" not in resources
