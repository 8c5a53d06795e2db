"""Another FHIR release is refused, and R4 is not mistaken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fhir.bundles import read_document
from fhir.errors import WrongRelease
from fhir.release import TELLTALES, refuse_version, telltale_of

OTHER = [
    ("MedicationRequest", {"medication": {"concept": {"text": "x"}}}),
    ("MedicationStatement", {"medication": {"reference": {"reference": "Medication/1"}}}),
    ("MedicationAdministration", {"notGiven": True}),
    ("MedicationDispense", {"medication": {"concept": {"text": "x"}}}),
    ("Encounter", {"class": [{"coding": [{"code": "AMB"}]}]}),
    ("Encounter", {"actualPeriod": {"start": "2024"}}),
    ("Condition", {"clinicalStatus": "active"}),
    ("Condition", {"verificationStatus": "confirmed"}),
    ("AllergyIntolerance", {"clinicalStatus": "active"}),
    ("AllergyIntolerance", {"type": {"coding": [{"code": "allergy"}]}}),
    ("Observation", {"context": {"reference": "Encounter/1"}}),
    ("Observation", {"triggeredBy": [{"type": "reflex"}]}),
    ("Procedure", {"occurrenceDateTime": "2024-01-01"}),
    ("Procedure", {"notDone": False}),
    ("DiagnosticReport", {"study": [{"reference": "ImagingStudy/1"}]}),
    ("DiagnosticReport", {"image": [{"link": {"reference": "Media/1"}}]}),
    ("DocumentReference", {"context": [{"reference": "Encounter/1"}]}),
    ("DocumentReference", {"indexed": "2016-01-01T00:00:00Z"}),
    ("ImagingStudy", {"modality": [{"coding": [{"code": "CR"}]}]}),
    ("ImagingStudy", {"uid": "urn:oid:1.2.3"}),
    ("ServiceRequest", {"code": {"concept": {"text": "CT"}}}),
    ("Immunization", {"administeredProduct": {"concept": {"text": "x"}}}),
    ("CapabilityStatement", {"fhirVersion": "5.0.0"}),
    ("CapabilityStatement", {"fhirVersion": "4.3.0"}),
    ("CapabilityStatement", {"fhirVersion": "3.0.2"}),
]
R4 = [
    ("MedicationRequest", {"medicationCodeableConcept": {"text": "medication"}}),
    ("Encounter", {"class": {"code": "AMB"}, "type": [{"text": '"actualPeriod":'}]}),
    ("Condition", {"clinicalStatus": {"coding": [{"code": "active"}]}}),
    ("AllergyIntolerance", {"type": "allergy", "identifier": [{"type": {"text": "x"}}]}),
    ("DocumentReference", {"context": {"related": [{"reference": "ImagingStudy/1"}]}}),
    ("ImagingStudy", {"modality": [{"code": "CR"}], "series": [{"uid": "1.2", "modality": {"code": "CR"}}]}),
    ("Observation", {"extension": [{"url": "x", "valueReference": {"reference": "context"}}]}),
    ("CapabilityStatement", {"fhirVersion": "4.0.1"}),
]


@pytest.mark.fault(18)
@pytest.mark.parametrize(("resource_type", "elements"), OTHER)
def test_refuses_an_element_of_another_release(resource_type: str, elements: dict[str, Any]) -> None:
    for indent in (None, 2):
        raw = json.dumps({"resourceType": resource_type, "id": "x", **elements}, indent=indent).encode()
        with pytest.raises(WrongRelease, match=resource_type):
            read_document(raw)


def test_every_row_of_the_table_is_tried() -> None:
    tried = {(name, element) for name, elements in OTHER for element in elements}
    left = {(name, mark.element) for name, marks in TELLTALES.items() for mark in marks} - tried
    assert left <= {
        ("MedicationStatement", "taken"),
        ("Encounter", "admission"),
        ("Observation", "related"),
        ("Procedure", "occurrencePeriod"),
        ("Procedure", "context"),
        ("DiagnosticReport", "context"),
        ("DocumentReference", "created"),
        ("ImagingStudy", "accession"),
        ("Immunization", "notGiven"),
        ("MedicationAdministration", "medication"),
    }


@pytest.mark.parametrize(("resource_type", "elements"), R4)
def test_lets_r4_pass(resource_type: str, elements: dict[str, Any]) -> None:
    assert telltale_of(resource_type, json.dumps({"resourceType": resource_type, **elements}).encode()) is None


@pytest.mark.parametrize("version", ["5.0", "4.3", "4.3.0", "3.0.1", "4.0x", "None"])
def test_refuses_a_version_that_is_not_r4(version: str) -> None:
    with pytest.raises(WrongRelease):
        refuse_version(version)


def test_takes_r4_by_its_long_and_short_version() -> None:
    refuse_version("4.0.1")
    refuse_version("4.0")
    refuse_version(None)


def test_no_resource_of_the_kit_is_mistaken_for_another_release(kit: Path) -> None:
    for path in [*sorted((kit / "fhir").glob("*.json"))[:20], kit / "fhir_us_core" / "us_core_examples.json"]:
        assert read_document(path.read_bytes()).items
