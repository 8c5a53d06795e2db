"""What is asked of a server for one patient: which types, sorted by which date, and how much of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from fhir.bounds import DEFAULT_BOUNDS, Bounds
from fhir.rest.capability import Capability
from fhir.rest.query import Query
from fhir.rest.quirks import CATEGORIES, Quirk
from fhir.types import PULLED_TYPES

DATED: Mapping[str, str] = {
    "CarePlan": "date",
    "Condition": "recorded-date",
    "DiagnosticReport": "date",
    "DocumentReference": "date",
    "Encounter": "date",
    "ImagingStudy": "started",
    "Immunization": "date",
    "Media": "created",
    "MedicationAdministration": "effective-time",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
    "Observation": "date",
    "Procedure": "date",
    "ServiceRequest": "authored",
}
"""Resource type -> the R4 search parameter of its date: for `_sort` newest first, and for a window."""

INCLUDED: Mapping[str, str] = {
    "ImagingStudy": "ImagingStudy:endpoint",
    "MedicationAdministration": "MedicationAdministration:medication",
    "MedicationRequest": "MedicationRequest:medication",
    "MedicationStatement": "MedicationStatement:medication",
}
"""What a type is useless without, where the server can send it along."""


Granted = Literal["all", "part", "none"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How one patient is pulled."""

    types: tuple[str, ...] = PULLED_TYPES
    since: Mapping[str, str] = field(default_factory=dict)
    """Resource type -> FHIR date before which nothing is asked for. A window leaves out what has no date: such a type is never complete."""
    bounds: Bounds = DEFAULT_BOUNDS
    """How much of each type is worth asking for; more is cut, the newest kept."""
    page: int = 500
    """`_count`: what a server may send at once. It may send fewer, and then links to the next page."""
    granted: Callable[[str], Granted] = lambda resource_type: "all"
    """How far the token reaches for a type, asked once there is one. A server may answer with nothing instead of refusing."""
    deadline: float = 120.0
    """Seconds for the whole pull: what has not come by then is said to be missing."""


def queries(resource_type: str, patient: str, plan: Plan, capability: Capability, quirks: frozenset[Quirk]) -> tuple[Query, ...]:
    """The searches for one type of one patient: one, or one a category where a server wants that.

    A date parameter is used only where the server declares it: an unknown one is ignored in silence, and the cut would be another.
    """
    who = f"Patient/{patient}" if "patient-long-form" in quirks else patient
    query = Query(resource_type, (("subject" if "subject-parameter" in quirks else "patient", who),))
    date = DATED.get(resource_type)
    if date is not None and resource_type in plan.since:
        query = query.plus((date, f"ge{plan.since[resource_type]}"))
    if date is not None and "no-sort" not in quirks and capability.searches(resource_type, date):
        query = query.plus(("_sort", f"-{date}"))
    if "no-count" not in quirks:
        query = query.plus(("_count", str(plan.page)))
    include = INCLUDED.get(resource_type)
    if include is not None and capability.includes(resource_type, include):
        query = query.plus(("_include", include))
    if resource_type == "Observation" and "observation-by-category" in quirks:
        return tuple(query.plus(("category", category)) for category in CATEGORIES)
    return (query,)
