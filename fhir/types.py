"""The resource types a chart is pulled from, and what the id of a resource looks like."""

from __future__ import annotations

import re

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
"""FHIR R4 datatypes, `id`: match it whole before an id goes into a URL."""

PULLED_TYPES: tuple[str, ...] = (
    "AllergyIntolerance",
    "CarePlan",
    "Condition",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "FamilyMemberHistory",
    "Flag",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "Media",
    "MedicationAdministration",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
    "ServiceRequest",
)
"""In the order they are asked for. All can be searched by `patient` in FHIR R4 (Media too), and a review reads each of them."""
