"""A row as an R4 AuditEvent (http://hl7.org/fhir/R4/auditevent.html), for a site's audit repository (IHE ATNA, BALP)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from fhir.types import ID
from sidenote import __version__
from sidenote.audit.events import Entity, Name, Role, Row

Coded = dict[str, Any]
SYSTEM = "urn:sidenote:audit"
"""Of our own codes: what the standard has no code for."""
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_RESTFUL = "http://hl7.org/fhir/restful-interaction"
RESTFUL = frozenset({"read", "vread", "search-type", "create", "update", "delete", "operation", "capabilities", "transaction"})
"""Interactions of http://hl7.org/fhir/restful-interaction that we make."""
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_SOURCE = "http://terminology.hl7.org/CodeSystem/security-source-type"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


def _coding(system: str, code: str, display: str) -> Coded:
    return {"system": system, "code": code, "display": display}


_REST = _coding(_TYPE, "rest", "RESTful Operation")
_AUTHENTICATION = _coding(_DICOM, "110114", "User Authentication")
_RECORD = _coding(_DICOM, "110110", "Patient Record")
_ALERT = _coding(_DICOM, "110113", "Security Alert")
_BREAK_GLASS = {"coding": [_coding(_REASON, "BTG", "break the glass")]}
TYPES: Mapping[Name, tuple[Coded, Coded]] = MappingProxyType(
    {
        "launch": (_AUTHENTICATION, _coding(_DICOM, "110122", "Login")),
        "launch_denied": (_AUTHENTICATION, _coding(_DICOM, "110122", "Login")),
        "ended": (_AUTHENTICATION, _coding(_DICOM, "110123", "Logout")),
        "exchange": (_REST, _coding(SYSTEM, "exchange", "Question to a server")),
        "wrote": (_REST, _coding(SYSTEM, "wrote", "Draft written")),
        "shown": (_RECORD, _coding(SYSTEM, "shown", "Review shown")),
        "asked": (_RECORD, _coding(SYSTEM, "asked", "Question answered")),
        "decided": (_RECORD, _coding(SYSTEM, "decided", "Decision taken")),
        "denied": (_ALERT, _coding(_DICOM, "110132", "Use of Restricted Function")),
    }
)
"""Event -> type and first subtype. A RESTful interaction is a further subtype."""
_KINDS: Mapping[Role, tuple[str, str]] = MappingProxyType(
    {"resource": ("2", "4"), "query": ("2", "24"), "report": ("2", "3"), "claim": ("2", "3"), "route": ("2", "13")}
)
"""Role of an entity -> audit-entity-type (1 person, 2 system object), object-role (1 patient, 3 report, 4 domain resource,
13 security resource, 24 query)."""


def as_resource(row: Row, identity: str | None = None) -> Coded:
    """The AuditEvent of a row; `identity` is its id, such as the row's hash. It holds what the row holds: PHI."""
    kind, subtype = TYPES[row.event]
    system = _RESTFUL if row.interaction in RESTFUL else SYSTEM
    interaction = [{"system": system, "code": row.interaction}] if row.interaction else []
    made: Coded = {
        "resourceType": "AuditEvent",
        "id": identity,
        "type": kind,
        "subtype": [subtype, *interaction],
        "action": row.action,
        "recorded": row.recorded,
        "outcome": row.outcome,
        "outcomeDesc": (f"{row.code} and {row.more} more" if row.more else row.code) or None,
        "purposeOfEvent": [_BREAK_GLASS] if row.who.emergency else None,
        "agent": [_user(row), _software()],
        "source": {"site": row.who.ehr or None, "observer": _named(), "type": [_coding(_SOURCE, "4", "Application Server")]},
        "entity": [*_patient(row), *(_entity(one) for one in row.entities)] or None,
    }
    found: Coded = _without_none(made)
    return found


def _user(row: Row) -> Coded:
    """Who asked. An EHR that names nobody leaves a user who is known by our session alone."""
    who = {"reference": row.who.user} if "/" in row.who.user else {"display": row.who.user or "not named"}
    return {"who": who, "altId": row.who.session or None, "requestor": True}


def _software() -> Coded:
    kind = {"coding": [_coding(_DICOM, "110150", "Application")]}
    return {"type": kind, "who": _named(), "requestor": False}


def _named() -> Coded:
    return {"identifier": {"system": SYSTEM, "value": f"sidenote {__version__}"}, "display": "Sidenote"}


def _patient(row: Row) -> list[Coded]:
    if not row.who.patient:
        return []
    identity = row.who.patient.removeprefix("Patient/")
    what = {"reference": f"Patient/{identity}"} if ID.fullmatch(identity) else {"display": identity}
    return [{"what": what, "type": _coding(_ENTITY, "1", "Person"), "role": _coding(_ROLE, "1", "Patient")}]


def _entity(entity: Entity) -> Coded:
    kind, role = _KINDS[entity.role]
    said: Callable[[Entity], Coded] = {"resource": _reference, "query": _query}.get(entity.role, _identified)
    return {**said(entity), "type": {"system": _ENTITY, "code": kind}, "role": {"system": _ROLE, "code": role}}


def _reference(entity: Entity) -> Coded:
    return {"what": {"reference": entity.value}} if "/" in entity.value else {"name": entity.value}


def _query(entity: Entity) -> Coded:
    return {"query": base64.b64encode(entity.value.encode()).decode(), "description": entity.detail or None}


def _identified(entity: Entity) -> Coded:
    detail = [{"type": "sha256", "valueString": entity.detail}] if entity.detail else None
    return {"what": {"identifier": {"system": f"{SYSTEM}:{entity.role}", "value": entity.value}}, "detail": detail}


def _without_none(value: Any) -> Any:
    """FHIR has no null: what is not said is left out."""
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value] if isinstance(value, list) else value
