"""Whose a resource is."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr.compartment import patients_of

P1, P2 = {"reference": "Patient/p1"}, {"reference": "http://ehr/fhir/Patient/p2"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"resourceType": "Patient", "id": "p1"}, {"p1"}),
        ({"resourceType": "Observation", "subject": P1}, {"p1"}),
        ({"resourceType": "Observation", "subject": P1, "performer": [P2]}, {"p1", "p2"}),
        ({"resourceType": "AllergyIntolerance", "patient": P2}, {"p2"}),
        ({"resourceType": "Coverage", "beneficiary": P1}, {"p1"}),
        ({"resourceType": "Task", "for": P1}, {"p1"}),
        ({"resourceType": "Group", "member": [{"entity": P1}, {"entity": P2}]}, {"p1", "p2"}),
        ({"resourceType": "Provenance", "target": [P1, {"reference": "Observation/o1"}]}, {"p1"}),
        ({"resourceType": "Binary", "securityContext": P1}, {"p1"}),
        ({"resourceType": "Observation", "subject": {"reference": "Group/p1"}}, set()),
        ({"resourceType": "Observation", "subject": {"reference": "http://other/fhir/Patient/p1"}}, set()),
        ({"resourceType": "Observation", "subject": {"identifier": {"value": "p1"}}}, set()),
        ({"resourceType": "Practitioner", "id": "dr"}, set()),
    ],
)
def test_a_resource_is_in_the_compartments_its_elements_name(body: dict[str, Any], expected: set[str]) -> None:
    assert patients_of(body, "http://ehr/fhir") == expected
