"""The resource types a chart is pulled from, in the order they are asked for."""

from __future__ import annotations

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
"""All can be searched by `patient` in FHIR R4 (Media too), and a review reads each of them."""
