"""The Patient compartment: which elements say that a resource is about a patient (FHIR R4 compartmentdefinition-patient.html)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.ehr.references import local, values

_USUAL = ("subject.reference", "patient.reference")
_SPECIAL = {
    "Account": ("subject.reference",),
    "Appointment": ("participant.actor.reference",),
    "AppointmentResponse": ("actor.reference",),
    "AuditEvent": ("agent.who.reference", "entity.what.reference"),
    "Binary": ("securityContext.reference",),
    "Coverage": ("beneficiary.reference", "subscriber.reference", "policyHolder.reference", "payor.reference"),
    "Group": ("member.entity.reference",),
    "List": ("subject.reference", "source.reference"),
    "Observation": ("subject.reference", "performer.reference"),
    "Person": ("link.target.reference",),
    "Provenance": ("target.reference",),
    "ResearchSubject": ("individual.reference",),
    "Schedule": ("actor.reference",),
    "Task": ("for.reference", "focus.reference"),
}


def patients_of(body: Mapping[str, Any], base: str = "") -> frozenset[str]:
    """Ids of the patients whose compartment the resource is in; a Patient is in its own."""
    if body.get("resourceType") == "Patient":
        return frozenset([str(body.get("id"))])
    paths = _SPECIAL.get(str(body.get("resourceType")), _USUAL)
    named = (local(str(each), base) for path in paths for each in values(body, path))
    return frozenset(one.removeprefix("Patient/") for one in named if one is not None and one.startswith("Patient/"))


NOT_OF_A_PATIENT = frozenset(
    (
        "Binary",
        "Endpoint",
        "HealthcareService",
        "Location",
        "Medication",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Questionnaire",
    )
)
"""Types that hold nothing of one patient unless they say so: a `patient/` scope that names the type lets all of them be read."""
